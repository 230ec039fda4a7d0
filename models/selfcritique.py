"""The self-critique filter: the painter is the judge, sentence by sentence. Pure decisions over measured gains.

A correction stands if painting the caption with it comes closer to the image where it speaks. One that several draws
said needs less of the painting than one that a single draw said. What stands is put together and painted once more. An
edit stands if it changed the image where it should and little elsewhere, and, where the VLM is asked, if that agrees.
Every rejection has a name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Literal

import numpy as np

from models.corrections import without_empty_corrections
from models.nothing import says_nothing
from models.payloads import Critique, Happened, Plan, Verdict
from models.places import Gain, Map, grid_regions, mean_gain
from models.sentences import join_sentences
from models.tries import Unusable, unusable
from models.unread import NOT_PAINTED
from models.written import read_statements
from viper.records import Record

ACCEPTED = "accepted"
NOTHING = "nothing to correct"
NOT_CLOSER = "painting not closer"
BELOW_MARGIN = "gain below margin"
SAID_ONCE = "said once and not clear"
RIVAL = "another correction is closer"
NOT_TOGETHER = "not closer beside the others"
MISSED = "missed difference"
IN_DOUBT = "nothing to correct, but in doubt"
DENIED = "the VLM sees no such operation"
UNANSWERED = "the VLM does not say if it happened"
SECONDED = 2
"""Draws that must say a correction before one confirms the other."""
OPEN = 1.5
"""A first painting decides where it is this many times above or below what is asked; between, others are painted."""
MOST_CHANGED = 0.8
"""Share of the grid's regions that an edit whose regions are not known may change."""


class CritiqueRules(Record):
    """When a correction stands: see ``viper.settings.FilterSettings``."""

    enabled: bool
    min_gain_noise: float
    min_explained: float
    min_explained_alone: float
    max_residual_noise: float
    unit: Literal["sentence", "critique"]


class EditRules(Record):
    """When an edit is kept: see ``viper.settings.FilterSettings``."""

    enabled: bool
    min_edit_noise: float
    max_spill_noise: float


@dataclass(frozen=True)
class Decision:
    """Kept or rejected, and why."""

    kept: bool
    reason: str
    """``accepted``, ``nothing to correct``, or the name of the rejection."""


def read_critique(reply: str) -> str | Unusable:
    """The corrections in a model's reply, sentence after sentence, or why it holds none."""
    return join_sentences(without_empty_corrections(read_statements(reply))) or unusable(reply, "wrote no corrections")


def judge_correction(samples: int, gains: Sequence[Gain], rules: CritiqueRules) -> Decision:
    """Whether a correction stands.

    Args:
        samples: How many draws said it.
        gains: Of its paintings where it speaks, one a noise seed.
        rules: Thresholds.
    """
    gain, seconded = mean_gain(gains), samples >= SECONDED
    if gain.closer <= 0:
        return Decision(False, NOT_CLOSER)
    if gain.closer < rules.min_gain_noise or gain.explained < rules.min_explained:
        return Decision(False, BELOW_MARGIN)
    if not seconded and gain.explained < rules.min_explained_alone:
        return Decision(False, SAID_ONCE)
    return Decision(True, ACCEPTED)


def is_open(samples: int, gains: Sequence[Gain], rules: CritiqueRules) -> bool:
    """Whether another noise seed could change the decision: the gain is near to what is asked for."""
    gain = mean_gain(gains)
    explained = rules.min_explained if samples >= SECONDED else rules.min_explained_alone
    asked = ((gain.closer, rules.min_gain_noise), (gain.explained, explained))
    missed = any(found < need / OPEN for found, need in asked)
    clear = all(found >= need * OPEN for found, need in asked)
    return not missed and not clear


def judge_nothing(said: bool, whole: bool, doubted: bool, left: float, rules: CritiqueRules) -> Decision:
    """Whether it is true that a caption needs no correction, where none stands.

    Args:
        said: Whether any draw said so.
        whole: Whether the painter read all of the caption: what it did not read speaks neither for nor against.
        doubted: Whether a correction came closer, if not as clearly as is asked.
        left: What the caption's painting is away from the image at the worst place, in units of noise.
        rules: Thresholds.
    """
    if said and not doubted and not whole:
        return Decision(False, NOT_PAINTED)
    if said and not doubted and left <= rules.max_residual_noise:
        return Decision(True, NOTHING)
    return Decision(False, (IN_DOUBT if doubted else MISSED) if said else "nothing usable")


def unfiltered(critiques: Sequence[Critique]) -> list[Critique]:
    """What a loop without a filter takes: all that one draw says, the first that can be used."""
    usable = [one for one in critiques if one.refined or says_nothing(one.refinements)]
    first = min((draw for one in usable for draw in one.draws), default=0)
    return [one for one in usable if first in one.draws]


def only_closest(verdicts: Mapping[str, Verdict], away: Mapping[str, float]) -> dict[str, Verdict]:
    """The verdicts where critiques are judged as a whole: of those that stand only the closest is kept.

    Args:
        verdicts: By critique.
        away: Of each that stands, what the painting with it is away from the whole image.
    """
    rivals = sorted(away, key=lambda said: (away[said], said))[1:]
    refused = {said: verdicts[said].model_copy(update={"kept": False, "reason": RIVAL}) for said in rivals}
    return {**verdicts, **refused}


def best_first(verdicts: Mapping[str, Verdict]) -> list[str]:
    """The sentences that stand, those that come closest first."""
    standing = [sentence for sentence, verdict in verdicts.items() if verdict.kept]
    return sorted(standing, key=lambda sentence: (-verdicts[sentence].gain, sentence))


def without_idle(plan: Plan, changes: Sequence[float], rules: EditRules) -> Plan:
    """The operations of a plan that had an effect where they should; the whole plan where none had, or all.

    A caption that names a thing wrongly asks to make pink what is pink. The rest of such a plan is as good as any.

    Args:
        plan: That was carried out.
        changes: The largest in each region of the grid, in units of noise.
        rules: Thresholds.
    """
    had = [all(changes[region] >= rules.min_edit_noise for region in each) for each in plan.places]
    if not rules.enabled or not any(had):
        return plan
    places = tuple(compress(plan.places, had))
    return plan.model_copy(
        update={
            "sentences": tuple(compress(plan.sentences, had)),
            "kinds": tuple(compress(plan.kinds, had)),
            "places": places,
            "regions": tuple(sorted({region for each in places for region in each})),
        }
    )


def judge_edit(distances: Map, regions: Sequence[int] | None, unit: float, reach: int, rules: EditRules) -> Decision:
    """Whether one edited picture is kept.

    Args:
        distances: Between the picture and the edited one.
        regions: Regions of the grid that the operations name; ``None`` if unknown: then what changed tells them.
        unit: Of noise.
        reach: Of the judge.
        rules: Thresholds.
    """
    if not rules.enabled:
        return Decision(True, ACCEPTED)
    changes, parts = distances / unit, grid_regions(distances.shape, reach)
    if regions is None:
        if changes.max() < rules.min_edit_noise:
            return Decision(False, "nothing changed")
        changed = sum(bool(changes[part].max() > rules.max_spill_noise) for part, _ in parts)
        return (
            Decision(False, "changed everywhere") if changed > MOST_CHANGED * len(parts) else Decision(True, ACCEPTED)
        )
    if min(float(changes[parts[region][0]].max()) for region in regions) < rules.min_edit_noise:
        return Decision(False, "operation without effect")
    elsewhere = ~np.any([parts[region][1] for region in regions], axis=0)
    if elsewhere.any() and changes[elsewhere].max() > rules.max_spill_noise:
        return Decision(False, "spilled elsewhere")
    return Decision(True, ACCEPTED)


def judge_by_witness(by_pixels: Decision, answers: Sequence[Happened]) -> Decision:
    """The decision on an edit where pixels and VLM must agree. What the pixels reject stays rejected.

    Args:
        by_pixels: What ``judge_edit`` decided.
        answers: What the VLM says of each operation that is left in the plan.
    """
    if not by_pixels.kept or all(answer == "yes" for answer in answers):
        return by_pixels
    return Decision(False, DENIED if "no" in answers else UNANSWERED)
