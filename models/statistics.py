"""Paired statistics of two models on the same questions: differences with intervals, exact tests, power."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from viper.records import Difference, PairedTest

POWER = 0.8
"""Probability with which the difference of a power line is found."""
DRAWS_AT_ONCE = 2**20
"""Questions drawn in one call of the bootstrap: 12 MB."""

Gaps = NDArray[np.float64]
"""Candidate minus other, question by question, in points: (N,) in [-100, 100]."""


def gaps_between(candidate: Sequence[float], other: Sequence[float]) -> Gaps:
    """The differences of two models, question by question, in points.

    Args:
        candidate: Scores in [0, 1], one a question.
        other: Scores of the other model on the same questions, in the same order.

    Raises:
        ValueError: The two are not of one length, or are empty.
    """
    if len(candidate) != len(other) or len(candidate) == 0:
        raise ValueError(f"Paired scores must be as many and at least one; found {len(candidate)} and {len(other)}.")
    return 100 * (np.asarray(candidate, dtype=np.float64) - np.asarray(other, dtype=np.float64))


def paired_difference(
    candidate: Sequence[float], other: Sequence[float], confidence: float, resamples: int, seed: int
) -> Difference:
    """Mean difference in points: percentile bootstrap interval over pairs, exact test, power.

    Args:
        candidate: Scores in [0, 1], one a question.
        other: Scores of the other model on the same questions, in the same order.
        confidence: Level of the interval and of the power line, in (0, 1).
        resamples: Number of bootstrap resamples.
        seed: Of the resampling.

    Raises:
        ValueError: The two are not of one length, or are empty.
    """
    gaps = gaps_between(candidate, other)
    found = mean_difference({"": gaps}, confidence, resamples, seed)
    return found.model_copy(update={"test": _paired_test(gaps, set(candidate) | set(other) <= {0, 1}, confidence)})


def mean_difference(gaps_by_suite: Mapping[str, Gaps], confidence: float, resamples: int, seed: int) -> Difference:
    """Difference of the unweighted mean over suites, in points; each suite is resampled on its own."""
    means = np.mean(
        [bootstrap_means(gaps, resamples, seed + number) for number, gaps in enumerate(gaps_by_suite.values())], axis=0
    )
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    points = float(np.mean([gaps.mean() for gaps in gaps_by_suite.values()]))
    return Difference(points=points, low=float(low), high=float(high))


def bootstrap_means(gaps: Gaps, resamples: int, seed: int) -> NDArray[np.float64]:
    """Means of ``resamples`` resamples of the gaps: (resamples,), decided by the seed."""
    rng, at_once = np.random.default_rng(seed), max(1, DRAWS_AT_ONCE // len(gaps))
    sizes = [min(at_once, resamples - first) for first in range(0, resamples, at_once)]
    drawn = (rng.integers(len(gaps), size=(size, len(gaps)), dtype=np.uint32) for size in sizes)
    return np.concatenate([gaps[rows].mean(axis=1) for rows in drawn])


def _paired_test(gaps: Gaps, binary: bool, confidence: float) -> PairedTest:
    won, lost = int((gaps > 0).sum()), int((gaps < 0).sum())
    p = sign_test(won, lost)
    detectable = detectable_points(gaps, binary, confidence)
    return PairedTest(
        name="McNemar" if binary else "sign", won=won, lost=lost, p=p, p_adjusted=p, detectable_points=detectable
    )


def sign_test(won: int, lost: int) -> float:
    """Two-sided exact p of a fair coin between the questions won and those lost; ties say nothing.

    On 0/1 scores this is McNemar's exact test (McNemar 1947; binomial form: Liddell 1976). On graded scores it is the
    sign test: which way more questions went, not how far.

    Args:
        won: Questions on which the candidate scored higher.
        lost: Questions on which it scored lower.
    """
    from scipy.stats import binomtest

    return float(binomtest(won, won + lost).pvalue) if won + lost else 1.0


def holm(ps: Sequence[float]) -> list[float]:
    """P values adjusted so that the chance of any false find among them keeps the level (Holm 1979).

    Sorted, the i-th smallest of m (from 0) is multiplied by m - i, and never falls below an earlier one.
    """
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, at in enumerate(sorted(range(len(ps)), key=lambda at: ps[at])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[at]))
        adjusted[at] = highest
    return adjusted


def detectable_points(gaps: Gaps, binary: bool, confidence: float) -> float:
    """The smallest true difference that N such questions show with probability ``POWER``, in points.

    (z_(1-α/2) + z_power) · sqrt(ψ / N), with ψ the mean squared gap: on 0/1 scores the share of questions on which the
    two differ (Connor 1987, with ψ in place of ψ - δ²). On 0/1 scores it is at least what the exact test can call
    certain at all: ⌈log2(2/α)⌉ questions that all go one way.

    Args:
        gaps: In points, (N,).
        binary: Whether the scores are 0 or 1.
        confidence: 1 - α, in (0, 1).
    """
    alpha, normal = 1 - confidence, NormalDist()
    spread = math.sqrt(float(np.mean(gaps**2)) / len(gaps))
    points = (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(POWER)) * spread
    least = 100 * math.ceil(math.log2(2 / alpha)) / len(gaps) if binary else 0.0
    return min(100.0, max(points, least))
