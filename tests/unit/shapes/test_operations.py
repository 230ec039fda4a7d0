"""Operations that the embedded world's rules write."""

import numpy as np
import pytest

from models.worlds import find_world
from models.worlds.shapes import grammar
from models.worlds.shapes.operations import write_operations
from models.worlds.shapes.prompts import PROMPTS
from models.worlds.shapes.questions import ask_comparison, ask_existence, ask_presence


def test_operations_are_written_on_distinct_cells_and_prefer_doubted_entities() -> None:
    caption = "a large blue cross is at the top left. a large yellow cross is at the bottom right."
    doubt = ["the object at the bottom right is small, not large."]
    first = 0
    for seed in range(300):
        plan = write_operations("a", caption, doubt, (), 1, np.random.default_rng(seed))
        assert plan is not None
        operation = grammar.read_operation(plan.sentences[0])
        assert operation is not None
        if operation.kind != "add":
            first += operation.cell == 0
    assert first < 100, "the doubted entity should be chosen about three times as often"


def test_a_plan_names_its_image_its_regions_and_the_kind_of_each_operation() -> None:
    caption = "a large blue cross is at the top left. a large yellow cross is at the bottom right."
    for seed in range(50):
        plan = write_operations("a", caption, [], (), 3, np.random.default_rng(seed))
        assert plan is not None
        said = [grammar.read_operation(sentence) for sentence in plan.sentences]
        assert plan.image == "a"
        assert plan.kinds == tuple(one.kind for one in said if one)
        cells = [cell for one in said if one for cell in one.cells]
        assert plan.regions == tuple(sorted(cells))
        assert len(set(cells)) == len(cells)
        assert [set(each) for each in plan.places] == [one.cells for one in said if one]


def test_no_operation_is_written_for_a_caption_that_names_nothing() -> None:
    assert write_operations("a", "what a picture", [], (), 3, np.random.default_rng(0)) is None


def test_no_operation_touches_a_cell_that_the_caption_does_not_describe_as_it_is() -> None:
    caption = "a large blue cross is at the top left. a large yellow cross is at the bottom right."
    elsewhere = set()
    for seed in range(300):
        plan = write_operations("a", caption, [], (0, 2, 4), 3, np.random.default_rng(seed))
        assert plan is not None
        assert not set(plan.regions or ()) & {0, 2, 4}, plan
        elsewhere |= set(plan.regions or ())
    assert elsewhere == {1, 3, 5, 6, 7, 8}
    assert write_operations("a", caption, [], (0, 8), 3, np.random.default_rng(0)) is None


AT_TOP_LEFT = "is there an object at the top left? choose yes or no."
QUESTIONS = {
    "make the object at the top left teal.": [
        ("is the object at the top left the same in both pictures? choose yes or no.", "no", True)
    ],
    "change the size of the object at the bottom center to small.": [
        ("is the object at the bottom center the same in both pictures? choose yes or no.", "no", True)
    ],
    "turn the object at the middle right into a ring.": [
        ("is the object at the middle right the same in both pictures? choose yes or no.", "no", True)
    ],
    "take away the object at the top left.": [(AT_TOP_LEFT, "no", False)],
    "add a small teal ring at the top left.": [("is there a small teal ring at the top left?", "yes", False)],
    "move the object at the top left to the bottom right.": [
        (AT_TOP_LEFT, "no", False),
        ("is there an object at the bottom right? choose yes or no.", "yes", False),
    ],
    "make everything nicer.": [],
}


@pytest.mark.parametrize("operation", QUESTIONS)
def test_what_tells_whether_an_operation_happened(operation: str) -> None:
    asked = find_world("shapes").need_rules().ask_whether(operation)
    assert [(one.text, one.confirms, one.before) for one in asked] == QUESTIONS[operation]


def test_the_vlm_is_asked_what_it_was_taught() -> None:
    rng = np.random.default_rng(0)
    taught = [ask(rng) for ask in (ask_comparison, ask_existence, ask_presence) for _ in range(5000)]
    pictures = {PROMPTS.wording.ask(one.text, one.options): len(one.scenes) for one in taught}
    asked = {text: 1 + before for each in QUESTIONS.values() for text, _, before in each}
    assert {text: pictures.get(text) for text in asked} == asked
