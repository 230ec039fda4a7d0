"""The self-critique filter: the painter is the judge. Pure decisions over measured distances.

A refinement stands if painting the refined caption comes closer to the image than painting the first caption did. An
edit stands if it changed the image where it should and little elsewhere. Every rejection has a name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from viper.settings import FilterSettings

NOTHING = ("nothing to correct", "the caption is right")


@dataclass(frozen=True)
class Decision:
    """Kept or rejected, and why."""

    kept: bool
    reason: str
    """``accepted``, ``nothing to correct``, or the name of the rejection."""
    gain: float = 0.0
    """How much closer the refined painting came, averaged over the seeds."""


_SAME = re.compile(r"\b(?:an? |the )?(\w+),? (?:not|instead of|rather than) (?:an? |the )?\1\b", re.IGNORECASE)


def without_empty_corrections(sentences: Sequence[str]) -> list[str]:
    """The sentences without repeats and without those that replace a word by itself ("is red, not red")."""
    return [sentence for sentence in dict.fromkeys(sentences) if not _SAME.search(sentence)]


def says_nothing(refinements: str) -> bool:
    """Whether a critique says that nothing must be corrected."""
    return refinements.strip().lower().rstrip(".!") in NOTHING


def judge_critique(
    refinements: str, rewritten: bool, first: Sequence[float], refined: Sequence[float], settings: FilterSettings
) -> Decision:
    """Whether one critique of one caption is kept.

    Args:
        refinements: The critique.
        rewritten: Whether the refined caption differs from the first.
        first: Distances of the first caption's paintings to the image, one a seed.
        refined: Distances of the refined caption's paintings, with the same seeds; empty if it was not painted.
        settings: Thresholds.
    """
    if not refinements.strip():
        return Decision(False, "empty critique")
    if says_nothing(refinements):
        faithful = max(first) <= settings.max_faithful_distance
        if faithful or not settings.enabled:
            return Decision(True, "nothing to correct")
        return Decision(False, "missed difference")
    if not settings.enabled:
        return Decision(True, "accepted")
    if not rewritten or not refined:
        return Decision(False, "caption unchanged")
    gains = [before - after for before, after in zip(first, refined, strict=True)]
    gain = sum(gains) / len(gains)
    if gain <= 0:
        return Decision(False, "painting not closer", gain)
    if sum(one > 0 for one in gains) < settings.min_agreement * len(gains):
        return Decision(False, "seeds disagree", gain)
    if gain < settings.min_gain:
        return Decision(False, "gain below margin", gain)
    return Decision(True, "accepted", gain)


def judge_edit(changes: Sequence[float], regions: Sequence[int] | None, settings: FilterSettings) -> Decision:
    """Whether one edited picture is kept.

    Args:
        changes: Change of each of the nine regions, in [0, 1].
        regions: Regions that the operations name, ``None`` if unknown: then any region may change.
        settings: Thresholds.
    """
    if not settings.enabled:
        return Decision(True, "accepted")
    if regions is None:
        if max(changes) < settings.min_edit_change:
            return Decision(False, "nothing changed")
        share = sum(change > settings.max_edit_spill for change in changes) / len(changes)
        return Decision(False, "changed everywhere") if share > 0.8 else Decision(True, "accepted")
    if min(changes[region] for region in regions) < settings.min_edit_change:
        return Decision(False, "operation without effect")
    if any(change > settings.max_edit_spill for region, change in enumerate(changes) if region not in regions):
        return Decision(False, "spilled elsewhere")
    return Decision(True, "accepted")
