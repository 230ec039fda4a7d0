"""The filter's decisions, and the operations that it judges."""

import numpy as np
import pytest

from models.corrections import without_empty_corrections
from models.operations import read_written
from models.payloads import Critique, Plan, Verdict
from models.places import Gain, largest_by_region
from models.selfcritique import (
    CritiqueRules,
    EditRules,
    best_first,
    is_open,
    judge_correction,
    judge_edit,
    judge_nothing,
    only_closest,
    unfiltered,
    without_idle,
)

RULES = CritiqueRules(
    enabled=True,
    min_gain_noise=0.2,
    min_explained=0.1,
    min_explained_alone=0.4,
    max_residual_noise=3.0,
    unit="sentence",
)
EDITS = EditRules(enabled=True, min_edit_noise=1.0, max_spill_noise=1.0)


@pytest.mark.parametrize(
    ("samples", "gains", "reason"),
    [
        (2, [(2.0, 0.9)], "accepted"),
        (1, [(2.0, 0.9)], "accepted"),
        (2, [(0.5, 0.15)], "accepted"),
        (1, [(0.5, 0.15)], "said once and not clear"),
        (9, [(0.5, 0.05)], "gain below margin"),
        (9, [(0.1, 0.9)], "gain below margin"),
        (9, [(0.0, 0.0)], "painting not closer"),
        (9, [(-3.0, -0.9)], "painting not closer"),
        # Of several seeds the mean counts: (1 - 3) / 2 is farther, (1.2 - 0.6) / 2 = 0.3 is closer.
        (2, [(1.0, 0.5), (-3.0, -1.5)], "painting not closer"),
        (2, [(1.2, 0.6), (-0.6, -0.3)], "accepted"),
    ],
)
def test_a_correction_is_judged_by_what_its_paintings_gain_and_by_how_many_said_it(
    samples: int, gains: list[tuple[float, float]], reason: str
) -> None:
    decision = judge_correction(samples, [Gain(*one) for one in gains], RULES)
    assert (decision.kept, decision.reason) == (reason == "accepted", reason)


@pytest.mark.parametrize(
    ("samples", "gain", "opened"),
    [
        (2, (2.0, 0.9), False),  # far above both margins
        (2, (-1.0, -0.5), False),
        (2, (0.1, 0.9), False),  # half of the margin
        (2, (0.25, 0.9), True),
        (2, (0.15, 0.9), True),
        (2, (2.0, 0.12), True),
        (1, (2.0, 0.12), False),  # a single voice must explain 0.4
        (1, (2.0, 0.45), True),
        (1, (2.0, 0.7), False),
    ],
)
def test_a_decision_is_open_near_the_margins_alone(samples: int, gain: tuple[float, float], opened: bool) -> None:
    assert is_open(samples, [Gain(*gain)], RULES) == opened


@pytest.mark.parametrize(
    ("said", "whole", "doubted", "left", "reason"),
    [
        (True, True, False, 2.9, "nothing to correct"),
        (True, True, False, 3.1, "missed difference"),
        (True, True, True, 0.1, "nothing to correct, but in doubt"),
        (False, True, False, 0.1, "nothing usable"),
        (True, False, False, 2.9, "not read by the painter"),
        (True, False, False, 3.1, "not read by the painter"),
        (True, False, True, 0.1, "nothing to correct, but in doubt"),  # what was read has a fault
    ],
)
def test_nothing_is_to_correct_where_somebody_says_so_and_nothing_is_left(
    said: bool, whole: bool, doubted: bool, left: float, reason: str
) -> None:
    decision = judge_nothing(said, whole, doubted, left, RULES)
    assert (decision.kept, decision.reason) == (reason == "nothing to correct", reason)


def test_without_a_filter_all_that_the_first_usable_draw_says_is_taken() -> None:
    def said(text: str, *draws: int, refined: str = "x") -> Critique:
        return Critique(refinements=text, refined=refined, draws=draws)

    unreadable = Critique(refinements="", refined="", draws=(0,), unusable="reply could not be read")
    drawn = [unreadable, said("It is teal.", 1, 2), said("It is small.", 1), said("It is red.", 2)]
    assert [one.refinements for one in unfiltered([*drawn, said("No.", 1, refined="")])] == [
        "It is teal.",
        "It is small.",
    ]
    nothing = said("Nothing to correct.", 0, refined="")
    assert unfiltered([nothing, said("It is teal.", 1)]) == [nothing]


def test_what_comes_closest_stands_first_and_what_was_rejected_not_at_all() -> None:
    def verdict(kept: bool, gain: float) -> Verdict:
        return Verdict(kept=kept, reason="", gain=gain)

    judged = {"a": verdict(True, 1), "b": verdict(False, 9), "c": verdict(True, 3)}
    assert best_first(judged) == ["c", "a"]
    # Closest to the whole image, whatever its gain where it speaks.
    whole = only_closest(judged, {"a": 0.1, "c": 0.2})
    assert {said: (one.kept, one.reason) for said, one in whole.items()} == {
        "a": (True, ""),
        "b": (False, ""),
        "c": (False, "another correction is closer"),
    }
    assert only_closest(judged, {"c": 0.2})["c"].kept
    assert only_closest({}, {}) == {}


def changed(**cells: float) -> np.ndarray:
    """A 9 x 9 map of distances, each 3 x 3 cell named by its number; its middle place has the change."""
    found = np.zeros((9, 9), dtype=np.float32)
    for name, change in cells.items():
        row, column = divmod(int(name[1:]), 3)
        found[3 * row + 1, 3 * column + 1] = change
    return found


@pytest.mark.parametrize(
    ("distances", "regions", "reason"),
    [
        (changed(c0=4.0), [0], "accepted"),
        (changed(c0=4.0), [0, 1], "operation without effect"),
        (changed(c0=4.0, c8=4.0), [0], "spilled elsewhere"),
        (changed(c0=4.0, c8=1.0), [0], "accepted"),
        (changed(), None, "nothing changed"),
        (changed(c0=1.0), None, "nothing changed"),
        (changed(**{f"c{cell}": 4.0 for cell in range(9)}), None, "changed everywhere"),
        (changed(c0=4.0, c1=4.0), None, "accepted"),
    ],
)
def test_an_edit_is_judged_by_where_it_changed_the_image(
    distances: np.ndarray, regions: list[int] | None, reason: str
) -> None:
    # The unit of noise is 2: a change of 4 is two units, one of 1 is half of one.
    decision = judge_edit(distances, regions, 2.0, 1, EDITS)
    assert (decision.kept, decision.reason) == (reason == "accepted", reason)


def test_what_a_judge_sees_of_a_region_beside_it_is_no_spill() -> None:
    distances = changed(c0=4.0)
    distances[1, 3] = 4.0  # one place beyond the first cell, which reaches from 0 to 2
    assert judge_edit(distances, [0], 2.0, 1, EDITS).kept
    assert judge_edit(distances, [0], 2.0, 0, EDITS).reason == "spilled elsewhere"


def test_changes_are_told_by_region_row_by_row_in_units_of_noise() -> None:
    assert largest_by_region(changed(c1=4.0, c6=1.0), 2.0) == (0, 2, 0, 0, 0, 0, 0.5, 0, 0)


PLAN = Plan(
    image="a",
    sentences=("move it.", "make it teal.", "remove it."),
    regions=(0, 1, 4, 8),
    kinds=("move", "recolor", "remove"),
    places=((0, 1), (4,), (8,)),
)


@pytest.mark.parametrize(
    ("distances", "sentences", "regions"),
    [
        (changed(c0=4.0, c1=4.0, c4=1.0, c8=4.0), ("move it.", "remove it."), (0, 1, 8)),
        (changed(c0=4.0, c4=4.0), ("make it teal.",), (4,)),
        (changed(c0=4.0, c1=2.0, c4=4.0, c8=4.0), PLAN.sentences, PLAN.regions),
        (changed(c0=4.0), PLAN.sentences, PLAN.regions),
    ],
    ids=["one idle", "half a move", "all", "none"],
)
def test_operations_without_effect_are_left_out_where_others_had_one(
    distances: np.ndarray, sentences: tuple[str, ...], regions: tuple[int, ...]
) -> None:
    # The unit of noise is 2, and an operation must change each of its places by one unit.
    stood = without_idle(PLAN, largest_by_region(distances, 2.0), EDITS)
    assert (stood.sentences, stood.regions) == (sentences, regions)
    assert (len(stood.kinds), len(stood.places)) == (len(sentences), len(sentences))
    assert without_idle(PLAN, largest_by_region(distances, 2.0), EDITS.model_copy(update={"enabled": False})) == PLAN


def test_an_edit_with_half_an_operation_beside_a_whole_one_has_spilled() -> None:
    distances = changed(c0=4.0, c4=4.0)
    stood = without_idle(PLAN, largest_by_region(distances, 2.0), EDITS)
    assert judge_edit(distances, stood.regions, 2.0, 1, EDITS).reason == "spilled elsewhere"


def test_an_edit_is_kept_whatever_it_changed_where_the_filter_is_off() -> None:
    assert judge_edit(changed(), [0], 2.0, 1, EDITS.model_copy(update={"enabled": False})).kept


def test_operations_of_a_model_lose_their_list_marks() -> None:
    edit = read_written("image", "1. Paint the small mug by the window red.\n2. Remove the spoon.\n", 3)
    assert edit is not None
    assert edit.sentences == ("Paint the small mug by the window red.", "Remove the spoon.")
    assert read_written("image", "", 3) is None


def test_corrections_that_change_nothing_are_left_out() -> None:
    said = [
        "the object at the top left is red, not red.",
        "at the top left the object should be a ring instead of a ring.",
        "the object at the top left is red, not pink.",
        "the object at the top left is red, not pink.",
        "The cup is blue rather than Blue.",
        "nothing to correct.",
    ]
    assert without_empty_corrections(said) == ["the object at the top left is red, not pink.", "nothing to correct."]
