"""Paired differences, exact tests, multiplicity, power."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics import bootstrap_means, detectable_points, holm, paired_difference, sign_test


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


def test_the_bootstrap_is_the_seeds_and_has_the_spread_of_a_mean() -> None:
    gaps = np.random.default_rng(2).normal(3.0, 20.0, size=3000)
    means = bootstrap_means(gaps, 1000, 5)
    assert means.shape == (1000,)
    assert (means == bootstrap_means(gaps, 1000, 5)).all()
    assert (means != bootstrap_means(gaps, 1000, 6)).any()
    assert means.mean() == pytest.approx(gaps.mean(), abs=0.1)
    assert means.std() == pytest.approx(gaps.std() / np.sqrt(3000), rel=0.1)


@pytest.mark.parametrize(
    ("won", "lost", "p"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (6, 0, 2 / 64),
        (0, 5, 2 / 32),
        (2, 8, 2 * (1 + 10 + 45) / 1024),
        (8, 2, 2 * (1 + 10 + 45) / 1024),
    ],
)
def test_the_exact_p_counts_the_ways_a_fair_coin_can_fall(won: int, lost: int, p: float) -> None:
    assert sign_test(won, lost) == pytest.approx(p, rel=1e-12)


def test_thousands_of_questions_are_no_problem_for_the_exact_p() -> None:
    # By the normal approximation with continuity correction: z = (200 - 1) / sqrt(5000).
    assert sign_test(2600, 2400) == pytest.approx(0.00489, rel=0.02)
    assert sign_test(0, 5000) == 0.0


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_exact_p_is_the_sum_over_binomials(won: int, lost: int) -> None:
    ways = sum(math.comb(won + lost, k) for k in range(min(won, lost) + 1))
    assert sign_test(won, lost) == pytest.approx(float(min(1, Fraction(2 * ways, 2 ** (won + lost)))), rel=1e-9)


def test_graded_scores_are_counted_by_sign_and_named_so() -> None:
    graded = paired_difference([0.5, 0.9, 0.2, 0.2], [0.4, 0.1, 0.3, 0.2], 0.95, 10, 0).test
    assert graded is not None
    assert (graded.name, graded.won, graded.lost) == ("sign", 2, 1)
    binary = paired_difference([1.0, 0.0, 1.0], [0.0, 0.0, 1.0], 0.95, 10, 0).test
    assert binary is not None
    assert (binary.name, binary.won, binary.lost) == ("McNemar", 1, 0)


def test_holm_multiplies_the_smallest_most_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_true_difference_of_the_power_line_is_found_four_times_in_five() -> None:
    rng, questions, differing = np.random.default_rng(3), 1000, 0.05

    def draw(points: float) -> np.ndarray:
        """Gaps of 0/1 scores: a share ``differing`` is not 0, with the mean ``points``."""
        up = (differing + points / 100) / 2
        return 100 * rng.choice([1.0, -1.0, 0.0], p=[up, differing - up, 1 - differing], size=questions)

    line = detectable_points(draw(0.0), True, 0.95)
    assert line == pytest.approx(2.0, abs=0.3)
    found = [sign_test(int((gaps > 0).sum()), int((gaps < 0).sum())) < 0.05 for gaps in (draw(2.0) for _ in range(300))]
    assert 0.7 < np.mean(found) < 0.9


def test_models_that_never_differ_do_not_make_a_suite_all_seeing() -> None:
    assert detectable_points(np.zeros(200), True, 0.95) == pytest.approx(3.0)  # six questions of 200
    assert detectable_points(np.zeros(3), True, 0.95) == 100.0
