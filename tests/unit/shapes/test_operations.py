"""Operations that the embedded world's rules write."""

import numpy as np

from models.worlds.shapes import grammar
from models.worlds.shapes.operations import write_operations


def test_operations_are_written_on_distinct_cells_and_prefer_doubted_entities() -> None:
    caption = "a large blue cross is at the top left. a large yellow cross is at the bottom right."
    doubt = ["the object at the bottom right is small, not large."]
    first = 0
    for seed in range(300):
        plan = write_operations("a", caption, doubt, 1, np.random.default_rng(seed))
        assert plan is not None
        operation = grammar.read_operation(plan.sentences[0])
        assert operation is not None
        if operation.kind != "add":
            first += operation.cell == 0
    assert first < 100, "the doubted entity should be chosen about three times as often"


def test_a_plan_names_its_image_its_regions_and_the_kind_of_each_operation() -> None:
    caption = "a large blue cross is at the top left. a large yellow cross is at the bottom right."
    for seed in range(50):
        plan = write_operations("a", caption, [], 3, np.random.default_rng(seed))
        assert plan is not None
        said = [grammar.read_operation(sentence) for sentence in plan.sentences]
        assert plan.image == "a"
        assert plan.kinds == tuple(one.kind for one in said if one)
        cells = [cell for one in said if one for cell in one.cells]
        assert plan.regions == tuple(sorted(cells))
        assert len(set(cells)) == len(cells)
        assert [set(each) for each in plan.places] == [one.cells for one in said if one]


def test_no_operation_is_written_for_a_caption_that_names_nothing() -> None:
    assert write_operations("a", "what a picture", [], 3, np.random.default_rng(0)) is None
