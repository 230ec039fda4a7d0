"""How often the gate is wrong, by simulation of rounds whose truth is known; the README prints the whole table."""

import numpy as np
import pytest

from models.comparison import compare
from models.gate import decide
from tests.gate_table import Cell, cells, judge
from viper.settings import GateSettings

NO_LOSS = [cell for cell in cells() if "-2" not in cell.truth]
WITHOUT_GAIN = [cell for cell in cells() if cell.truth in ("no gain", "-2 on the first")]


def test_a_candidate_without_gain_is_seldom_promoted_and_a_clear_gain_nearly_always() -> None:
    none = Cell("200 each", 0.1, "no gain").rates(120)
    assert none["promoted"] <= 0.08
    assert none["refused: a suite lost"] <= 0.08
    assert Cell("1,000 each", 0.1, "+3 on all").rates(30)["promoted"] > 0.95


def test_the_simulation_decides_as_whole_verdicts_do() -> None:
    rng, gate, decisions = np.random.default_rng(0), GateSettings(resamples=1), set()
    for seed, truth in enumerate(["no gain", "+1 on all", "+3 on all", "-2 on the first, +2 on the others"] * 3):
        scores = Cell("1,000 each", 0.1, truth).draw(rng)
        champion, candidate = ({suite: pair[role] for suite, pair in scores.items()} for role in (0, 1))
        by_role = {"base": champion, "champion": champion, "candidate": candidate}
        whole = decide(*compare(by_role, {suite: ["all"] * 1000 for suite in scores}, gate, seed), None, gate)
        short = judge(scores, seed)
        assert short.decision == whole.decision
        assert short.reason.split(":")[0].split("(")[0] == whole.reason.split(":")[0].split("(")[0]
        decisions.add(short.reason[:4])
    assert {"Lost", "No c", "Sees"} == decisions


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
    assert found["refused: a suite lost"] == pytest.approx(0.24, abs=0.05)
