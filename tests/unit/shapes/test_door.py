"""The embedded world as the rest of the project meets it."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from models.locations import resolve
from models.worlds import find_suite, find_world, world_of
from models.worlds.shapes.grammar import read_caption
from viper.errors import ModelError, PoolError, SuiteError

SHAPES = find_world("shapes")


@pytest.mark.parametrize("address", ["shapes:", "shapes:vlm", "shapes:held-out"])
def test_its_addresses_begin_with_its_name(address: str) -> None:
    assert world_of(address) is SHAPES


def test_its_models_are_folders_and_unknown_ones_are_named() -> None:
    assert resolve("shapes:vlm") == str(SHAPES.model_folder("vlm"))
    with pytest.raises(ModelError, match=r"no embedded model 'vln'. Known: vlm"):
        SHAPES.model_folder("vln")


def test_its_pool_is_drawn_by_seed_and_number() -> None:
    drawn = [SHAPES.draw_picture("shapes:", seed, number) for seed in (3, 4) for number in range(3)]
    assert len(set(drawn)) == 6
    assert SHAPES.draw_picture("shapes:", 3, 1) == drawn[1]
    # The picture that seed 3 has drawn first since the first version, whatever is drawn beside it.
    assert hashlib.sha256(drawn[0]).hexdigest()[:16] == "d460aae8d09bbaba"
    with pytest.raises(PoolError, match="no pool 'shapes:other'"):
        SHAPES.draw_picture("shapes:other", 3, 5)


def test_the_truth_of_its_pictures_is_known() -> None:
    png = SHAPES.draw_picture("shapes:", 3, 0)
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    refinements, refined = SHAPES.truth(pixels, "", np.random.default_rng(0))
    assert read_caption(refined)
    assert SHAPES.rules is not None
    assert read_caption(SHAPES.rules.rewrite("", refinements)) == read_caption(refined)


def test_its_suites_are_rows_that_can_be_asked() -> None:
    rows = list(SHAPES.suite_rows("shapes:held-out", "counting", 4))
    assert len(rows) == 4
    assert find_suite("counting", SHAPES).question(rows[0]).options
    assert rows != list(SHAPES.suite_rows("shapes:", "counting", 4))


def test_unknown_sets_of_questions_and_suites_are_named_before_a_row_is_read() -> None:
    SHAPES.check_suites("shapes:held-out")
    with pytest.raises(SuiteError, match=r"no suites 'shapes:held'. The embedded world has: shapes:, shapes:held-out"):
        SHAPES.check_suites("shapes:held")
    with pytest.raises(SuiteError, match="no suites 'shapes:x'"):
        SHAPES.suite_rows("shapes:x", "counting", 4)
    with pytest.raises(SuiteError, match="Did you mean 'counting'"):
        SHAPES.suite_rows("shapes:", "countin", 4)
