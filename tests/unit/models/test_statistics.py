"""Paired statistics and the gate."""

import numpy as np
import pytest

from models.statistics import compare, decide, paired_difference
from viper.settings import GateSettings

GATE = GateSettings(resamples=500)


def _scores(**points: float) -> dict[str, list[float]]:
    rng = np.random.default_rng(0)
    noise = rng.random(1000)
    return {suite: [float(x < share) for x in noise] for suite, share in points.items()}


def test_the_interval_of_a_paired_difference_covers_it_and_is_narrower_than_an_unpaired_one() -> None:
    rng = np.random.default_rng(1)
    other = rng.random(500) < 0.5
    candidate = other | (rng.random(500) < 0.1)
    found = paired_difference(candidate.astype(float), other.astype(float), 0.95, 1000, 0)
    assert found.low < found.points < found.high
    assert found.low > 0
    unpaired = 196 * np.sqrt(2 * 0.25 / 500)
    assert found.high - found.low < unpaired


def test_unequal_numbers_of_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="found 2 and 1"):
        paired_difference([1.0, 0.0], [1.0], 0.95, 10, 0)


def test_a_certain_gain_is_promoted() -> None:
    scores = {
        "base": _scores(a=0.5, b=0.5),
        "champion": _scores(a=0.5, b=0.5),
        "candidate": _scores(a=0.6, b=0.5),
    }
    verdict = decide(*compare(scores, GATE, 0), 1.0, GATE)
    assert verdict.decision == "promote"
    assert verdict.mean.against_champion.points == pytest.approx(5.0, abs=1.5)


def test_a_loss_on_one_suite_keeps_the_champion_and_names_the_suite() -> None:
    scores = {
        "base": _scores(a=0.5, b=0.5),
        "champion": _scores(a=0.5, b=0.5),
        "candidate": _scores(a=0.8, b=0.4),
    }
    verdict = decide(*compare(scores, GATE, 0), 1.0, GATE)
    assert verdict.decision == "keep champion"
    assert "b -1" in verdict.reason or "b -9" in verdict.reason


def test_no_difference_keeps_the_champion() -> None:
    same = _scores(a=0.5)
    verdict = decide(*compare({"base": same, "champion": same, "candidate": same}, GATE, 0), 1.0, GATE)
    assert verdict.decision == "keep champion"
    assert verdict.mean.against_champion.points == 0


def test_short_captions_are_a_collapse_whatever_the_scores() -> None:
    scores = {"base": _scores(a=0.5), "champion": _scores(a=0.5), "candidate": _scores(a=0.9)}
    assert decide(*compare(scores, GATE, 0), 0.3, GATE).decision == "collapse"
