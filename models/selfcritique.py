"""The self-critique filter: the painter is the judge. Pure decisions over measured distances.

A refinement stands if painting the refined caption comes closer to the image than painting the first caption did. An
edit stands if it changed the image where it should and little elsewhere. Every rejection has a name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.corrections import without_empty_corrections
from models.nothing import says_nothing
from models.payloads import Critique
from models.rewriting import UNCHANGED
from models.sentences import join_sentences
from models.tries import Unusable, unusable
from models.written import read_statements
from viper.records import Record


class CritiqueRules(Record):
    """When a critique is kept: see ``viper.settings.FilterSettings``."""

    enabled: bool
    min_gain: float
    min_agreement: float
    max_faithful_distance: float


class EditRules(Record):
    """When an edit is kept: see ``viper.settings.FilterSettings``."""

    enabled: bool
    min_edit_change: float
    max_edit_spill: float


@dataclass(frozen=True)
class Decision:
    """Kept or rejected, and why."""

    kept: bool
    reason: str
    """``accepted``, ``nothing to correct``, or the name of the rejection."""
    gain: float = 0.0
    """How much closer the refined painting came, averaged over the seeds."""


def read_critique(reply: str) -> str | Unusable:
    """The corrections in a model's reply, sentence after sentence, or why it holds none."""
    return join_sentences(without_empty_corrections(read_statements(reply))) or unusable(reply, "wrote no corrections")


def judge_critique(
    critique: Critique, caption: str, first: Sequence[float], refined: Sequence[float], rules: CritiqueRules
) -> Decision:
    """Whether one critique of one caption is kept.

    Args:
        critique: What is said of the caption.
        caption: The first caption.
        first: Distances of the first caption's paintings to the image, one a seed.
        refined: Distances of the refined caption's paintings, with the same seeds; empty if it was not painted.
        rules: Thresholds.
    """
    if not critique.refinements:
        return Decision(False, critique.unusable)
    if says_nothing(critique.refinements):
        faithful = max(first) <= rules.max_faithful_distance
        if faithful or not rules.enabled:
            return Decision(True, "nothing to correct")
        return Decision(False, "missed difference")
    if not rules.enabled:
        return Decision(True, "accepted")
    if not critique.refined:
        return Decision(False, critique.unusable)
    if critique.refined == caption:
        return Decision(False, UNCHANGED)
    gains = [before - after for before, after in zip(first, refined, strict=True)]
    gain = sum(gains) / len(gains)
    if gain <= 0:
        return Decision(False, "painting not closer", gain)
    if sum(one > 0 for one in gains) < rules.min_agreement * len(gains):
        return Decision(False, "seeds disagree", gain)
    if gain < rules.min_gain:
        return Decision(False, "gain below margin", gain)
    return Decision(True, "accepted", gain)


def judge_edit(changes: Sequence[float], regions: Sequence[int] | None, rules: EditRules) -> Decision:
    """Whether one edited picture is kept.

    Args:
        changes: Change of each of the nine regions, in [0, 1].
        regions: Regions that the operations name, ``None`` if unknown: then any region may change.
        rules: Thresholds.
    """
    if not rules.enabled:
        return Decision(True, "accepted")
    if regions is None:
        if max(changes) < rules.min_edit_change:
            return Decision(False, "nothing changed")
        share = sum(change > rules.max_edit_spill for change in changes) / len(changes)
        return Decision(False, "changed everywhere") if share > 0.8 else Decision(True, "accepted")
    if min(changes[region] for region in regions) < rules.min_edit_change:
        return Decision(False, "operation without effect")
    if any(change > rules.max_edit_spill for region, change in enumerate(changes) if region not in regions):
        return Decision(False, "spilled elsewhere")
    return Decision(True, "accepted")


def best_critique(
    critiques: Sequence[Critique],
    caption: str,
    first: Sequence[float],
    refined: Mapping[str, Sequence[float]],
    rules: CritiqueRules,
) -> tuple[Critique, Decision]:
    """The critique of one image that gained most, or the least bad rejection.

    Args:
        critiques: Of the image, at least one.
        caption: The first caption.
        first: Distances of its paintings, one a seed.
        refined: Distances of the paintings of each refined caption, with the same seeds.
        rules: Thresholds.
    """
    judged = [(one, judge_critique(one, caption, first, refined.get(one.refined, ()), rules)) for one in critiques]
    # What was painted and refused tells more than what could not be used.
    return max(judged, key=_worth)


def _worth(judged: tuple[Critique, Decision]) -> tuple[bool, bool, float, int, str]:
    critique, decision = judged
    return decision.kept, not critique.unusable, decision.gain, critique.samples, critique.refinements


def refined_captions(critiques: Sequence[Critique]) -> list[str]:
    """The distinct refined captions of one image, in order of their critiques."""
    return list(dict.fromkeys(one.refined for one in critiques if one.refined))
