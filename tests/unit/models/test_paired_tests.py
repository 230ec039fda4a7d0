"""Exact paired tests and their correction for many."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.gaps import gaps_between, pooled
from models.paired_tests import FLIPS, holm, mcnemar_p, p_text, sign_flip_p


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
    assert mcnemar_p(won, lost) == pytest.approx(p, rel=1e-12)


def test_thousands_of_questions_are_no_problem_for_the_exact_p() -> None:
    # By the normal approximation with continuity correction: z = (200 - 1) / sqrt(5000).
    assert mcnemar_p(2600, 2400) == pytest.approx(0.00489, rel=0.02)
    assert mcnemar_p(0, 5000) == 0.0


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_exact_p_is_the_sum_over_binomials(won: int, lost: int) -> None:
    ways = sum(math.comb(won + lost, k) for k in range(min(won, lost) + 1))
    assert mcnemar_p(won, lost) == pytest.approx(float(min(1, Fraction(2 * ways, 2 ** (won + lost)))), rel=1e-9)


def test_on_scores_of_0_and_1_the_sign_flip_test_is_mcnemars() -> None:
    gaps = np.array([100.0] * 9 + [-100.0] * 2 + [0.0] * 50)
    assert sign_flip_p(gaps, 0) == pytest.approx(2 * (1 + 11 + 55) / 2**11)
    assert sign_flip_p(np.zeros(40), 0) == 1.0


@pytest.mark.parametrize(
    "gaps",
    [
        [5.0, 12.5, -3.0, 40.0, 8.0, 21.0, 0.0, 0.0, 17.0, -1.0],  # all sizes differ
        [50.0, 50.0, -50.0, 100.0, 100.0, 25.0, 25.0, 25.0, 0.0, -25.0],  # a few levels
        [100 / 3, 200 / 3, -100 / 3, 100.0, 200 / 3, 100 / 3, 100 / 3],  # levels that no float holds exactly
        [-90.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],  # most questions won, but the mean lost
    ],
)
def test_graded_gaps_are_flipped_in_every_way(gaps: list[float]) -> None:
    flipped = [
        abs(sum(s * g for s, g in zip(signs, gaps, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(gaps))
    ]
    p = np.mean([one >= abs(sum(gaps)) - 1e-6 for one in flipped])
    assert sign_flip_p(np.array(gaps), 0) == p


def test_of_many_ways_some_are_drawn() -> None:
    # Eight sizes, each alone and three times over. By the normal approximation p is 2 * (1 - Phi(|sum| / norm)).
    gaps = np.array(
        [3.0, 7.0, -5.0, 11.0, 2.0, -13.0, -8.0, 17.0] * 3 + [4.5, 19.25, -6.75, 9.125, -1.5, 20.5, 33.0, -12.25]
    )
    p = math.erfc(abs(gaps.sum()) / np.linalg.norm(gaps) / math.sqrt(2))
    assert 0.02 < p < 0.2
    assert sign_flip_p(gaps, 0) == pytest.approx(p, abs=0.015)
    assert sign_flip_p(np.concatenate([gaps, -gaps]), 0) == 1


def test_last_bits_are_no_change() -> None:
    assert gaps_between([0.1 + 0.2, 0.5], [0.3, 0.25]).tolist() == [0.0, 25.0]


def test_the_mean_over_suites_of_unlike_size_weighs_them_alike() -> None:
    small, large = np.array([100.0, 0.0]), np.array([-100.0, 0.0, 0.0, 0.0, 100.0, 100.0])
    assert pooled([small, large]).mean() == pytest.approx((small.mean() + large.mean()) / 2)
    assert pooled([small]).tolist() == small.tolist()
    # Gaps that weigh 3, -1, 1 and 1: their sum is 4.
    signs = itertools.product((1, -1), repeat=4)
    far = [abs(3 * a + b + c + d) >= 4 for a, b, c, d in signs]
    assert sign_flip_p(pooled([small, large]), 0) == np.mean(far)


def test_no_difference_is_called_one_no_oftener_than_the_level_allows() -> None:
    rng = np.random.default_rng(7)
    found = []
    for seed in range(400):
        gaps = rng.normal(0, 20, 30) * (rng.random(30) < 0.4)  # graded, and most answers are the same
        found.append(sign_flip_p(gaps, seed))
    shares = [np.mean(np.array(found) <= level) for level in (0.05, 0.2, 0.5)]
    assert shares[0] <= 0.08
    assert shares[1] == pytest.approx(0.2, abs=0.06)
    assert shares[2] == pytest.approx(0.5, abs=0.08)


def test_the_flips_are_the_seeds_and_p_is_never_zero() -> None:
    gaps = np.random.default_rng(2).normal(2.0, 20.0, size=300)
    assert sign_flip_p(gaps, 5) == sign_flip_p(gaps, 5)
    assert sign_flip_p(np.abs(gaps), 5) == 1 / (FLIPS + 1)


def test_holm_multiplies_the_smallest_most_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_p_beside_the_level_is_not_rounded_to_it() -> None:
    assert [p_text(p) for p in (0.0504, 0.0496, 0.25, 1.0, 0.0004)] == ["0.0504", "0.0496", "0.25", "1", "<0.001"]


def test_unequal_numbers_of_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="found 2 and 1"):
        gaps_between([1.0, 0.0], [1.0])
