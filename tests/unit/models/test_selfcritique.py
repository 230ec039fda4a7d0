"""The filter's decisions, and the operations that it judges."""

import numpy as np
import pytest

from models.corrections import without_empty_corrections
from models.operations import read_written
from models.payloads import Critique
from models.selfcritique import CritiqueRules, EditRules, best_critique, judge_critique, judge_edit
from models.worlds import find_world
from models.worlds.shapes import grammar

CRITIQUES = CritiqueRules(enabled=True, min_gain=0.01, max_faithful_distance=0.02, min_agreement=1.0)
EDITS = EditRules(enabled=True, min_edit_change=0.05, max_edit_spill=0.03)


TEAL = Critique(refinements="it is teal.", refined="it is teal", samples=1)
UNCHANGED = TEAL.model_copy(update={"refined": "it is green"})
LOST = Critique(refinements="it is teal.", refined="", samples=1, unusable="lost what was right")
EMPTY = Critique(refinements="", refined="", samples=1, unusable="wrote no corrections")
NOTHING = Critique(refinements="Nothing to correct.", refined="", samples=1)


@pytest.mark.parametrize(
    ("critique", "first", "refined", "reason"),
    [
        (TEAL, [0.05, 0.06], [0.02, 0.02], "accepted"),
        (TEAL, [0.05, 0.06], [0.06, 0.07], "painting not closer"),
        (TEAL, [0.05, 0.02], [0.02, 0.03], "seeds disagree"),
        (TEAL, [0.05, 0.05], [0.045, 0.045], "gain below margin"),
        (UNCHANGED, [0.05, 0.05], [0.01, 0.01], "caption unchanged"),
        (LOST, [0.05], [], "lost what was right"),
        (EMPTY, [0.05], [], "wrote no corrections"),
        (NOTHING, [0.01, 0.015], [], "nothing to correct"),
        (NOTHING, [0.01, 0.05], [], "missed difference"),
    ],
)
def test_a_critique_is_judged_by_its_paintings(
    critique: Critique, first: list[float], refined: list[float], reason: str
) -> None:
    decision = judge_critique(critique, "it is green", first, refined, CRITIQUES)
    assert decision.reason == reason
    assert decision.kept == (reason in ("accepted", "nothing to correct"))


def test_a_critique_that_was_painted_and_refused_tells_more_than_one_that_could_not_be_used() -> None:
    chosen, decision = best_critique([EMPTY, TEAL], "it is green", [0.05], {"it is teal": [0.06]}, CRITIQUES)
    assert (chosen, decision.reason) == (TEAL, "painting not closer")


def test_a_filter_that_is_off_keeps_everything_but_empty_critiques() -> None:
    off = CRITIQUES.model_copy(update={"enabled": False})
    assert judge_critique(TEAL, "it is green", [0.01], [0.9], off).kept
    assert not judge_critique(EMPTY, "it is green", [0.01], [0.9], off).kept
    assert judge_edit([0.0] * 9, [0], EDITS.model_copy(update={"enabled": False})).kept


@pytest.mark.parametrize(
    ("changes", "regions", "reason"),
    [
        ([0.2, 0, 0, 0, 0, 0, 0, 0, 0], [0], "accepted"),
        ([0.2, 0, 0, 0, 0, 0, 0, 0, 0], [0, 1], "operation without effect"),
        ([0.2, 0.04, 0, 0, 0, 0, 0, 0, 0], [0], "spilled elsewhere"),
        ([0.0] * 9, None, "nothing changed"),
        ([0.2] * 9, None, "changed everywhere"),
        ([0.2, 0.2, 0, 0, 0, 0, 0, 0, 0], None, "accepted"),
    ],
)
def test_an_edit_is_judged_by_where_it_changed_the_image(
    changes: list[float], regions: list[int] | None, reason: str
) -> None:
    assert judge_edit(changes, regions, EDITS).reason == reason


def test_operations_are_written_on_distinct_cells_and_prefer_doubted_entities() -> None:
    rules = find_world("shapes").need_rules()
    caption = "a large blue cross is at the top left. a large yellow cross is at the bottom right."
    doubt = ["the object at the bottom right is small, not large."]
    first = 0
    for seed in range(300):
        edit = rules.write_operations("image", caption, doubt, 1, np.random.default_rng(seed))
        assert edit is not None
        operation = grammar.read_operation(edit.sentences[0])
        assert operation is not None
        if operation.kind != "add":
            first += operation.cell == 0
    assert first < 100, "the doubted entity should be chosen about three times as often"


def test_no_operation_is_written_for_a_caption_that_names_nothing() -> None:
    rules = find_world("shapes").need_rules()
    assert rules.write_operations("image", "what a picture", [], 3, np.random.default_rng(0)) is None


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
