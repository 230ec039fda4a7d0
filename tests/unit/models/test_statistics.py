"""Paired differences: the interval, and that it agrees with the exact test."""

import numpy as np
import pytest

from models.gaps import gaps_between
from models.statistics import bootstrap_means, paired_difference
from viper.settings import GateSettings

GATE = GateSettings(resamples=1000)


def test_the_interval_of_a_paired_difference_covers_it_and_is_narrower_than_an_unpaired_one() -> None:
    rng = np.random.default_rng(1)
    other = rng.random(500) < 0.5
    candidate = other | (rng.random(500) < 0.1)
    found = paired_difference([gaps_between(candidate.astype(float), other.astype(float))], GATE, 0, binary=True)
    assert found.low < found.points < found.high
    assert found.low > 0
    unpaired = 196 * np.sqrt(2 * 0.25 / 500)
    assert found.high - found.low < unpaired


def test_the_bootstrap_is_the_seeds_and_has_the_spread_of_a_mean() -> None:
    gaps = np.random.default_rng(2).normal(3.0, 20.0, size=3000)
    means = bootstrap_means(gaps, 1000, 5)
    assert means.shape == (1000,)
    assert (means == bootstrap_means(gaps, 1000, 5)).all()
    assert (means != bootstrap_means(gaps, 1000, 6)).any()
    assert means.mean() == pytest.approx(gaps.mean(), abs=0.1)
    assert means.std() == pytest.approx(gaps.std() / np.sqrt(3000), rel=0.1)


def test_graded_scores_are_tested_by_how_far_they_moved() -> None:
    # Won 9 to 1, but the one outweighs them: by the sign test p = 0.02, by the mean no gain at all.
    graded = paired_difference([np.array([5.0] * 9 + [-60.0] + [0.0] * 20)], GATE, 0)
    assert graded.test is not None
    assert (graded.test.name, graded.test.won, graded.test.lost, graded.test.changed) == ("sign flip", 9, 1, 10)
    assert graded.test.p > 0.5
    binary = paired_difference([gaps_between([1.0, 0.0, 1.0], [0.0, 0.0, 1.0])], GATE, 0, binary=True).test
    assert binary is not None
    assert (binary.name, binary.won, binary.lost) == ("McNemar", 1, 0)


def test_the_interval_holds_zero_exactly_where_the_test_does_not_exclude_it() -> None:
    rng, bootstrap_disagreed = np.random.default_rng(5), 0
    for seed in range(300):
        size, share = int(rng.integers(20, 200)), rng.uniform(0.02, 0.3)
        graded = seed % 2 == 0
        sizes = rng.exponential(20, size) if graded else np.full(size, 100.0)
        gaps = sizes * rng.choice([1.0, -1.0, 0.0], p=[0.7 * share, 0.3 * share, 1 - share], size=size)
        gate = GateSettings(resamples=200)
        found = paired_difference([gaps], gate, seed, binary=not graded)
        assert found.test is not None
        assert (found.low <= 0 <= found.high) == (found.test.p > 0.05)
        assert found.low <= found.points <= found.high
        low, high = np.quantile(bootstrap_means(gaps, 200, seed), [0.025, 0.975])
        bootstrap_disagreed += (low <= 0 <= high) != (found.test.p > 0.05)
        if (low <= 0 <= high) == (found.test.p > 0.05):
            assert (found.low, found.high) == pytest.approx((low, high))
    assert bootstrap_disagreed > 10


def test_three_questions_of_forty_are_no_gain() -> None:
    three = np.array([100.0] * 3 + [0.0] * 37)
    found = paired_difference([three, np.zeros(37)], GATE, 0)
    assert found.test is not None
    assert found.points == pytest.approx(3.75)
    assert found.test.p == 0.25
    assert found.low == 0
