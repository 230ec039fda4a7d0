"""How often the gate is wrong, by simulation of rounds whose truth is known; the README prints the whole table."""

import pytest

from tests.gate_table import Cell, cells

NO_LOSS = [cell for cell in cells() if "-2" not in cell.truth]
WITHOUT_GAIN = [cell for cell in cells() if cell.truth in ("no gain", "-2 on the first")]


def test_a_candidate_without_gain_is_seldom_promoted_and_a_clear_gain_nearly_always() -> None:
    none = Cell("200 each", 0.1, "no gain").rates(120)
    assert none["promoted"] <= 0.08
    assert none["refused: a suite lost"] <= 0.08
    assert Cell("1,000 each", 0.1, "+3 on all").rates(30)["promoted"] > 0.95


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("cell", WITHOUT_GAIN, ids=str)
def test_what_gained_nothing_is_promoted_in_at_most_one_round_of_twenty(cell: Cell) -> None:
    assert cell.rates(1000, seed=1)["promoted"] <= 0.04


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("cell", NO_LOSS, ids=str)
def test_what_lost_nothing_is_refused_as_lost_in_at_most_one_round_of_twenty(cell: Cell) -> None:
    assert cell.rates(1000, seed=2)["refused: a suite lost"] <= 0.04


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_loss_of_two_points_is_seen_as_often_as_the_gate_says() -> None:
    found = Cell("1,000 each", 0.1, "-2 on the first, +2 on the others").rates(1000, seed=3)
    assert found["refused: a suite lost"] == pytest.approx(0.22, abs=0.04)
