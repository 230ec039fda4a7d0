"""The paired difference of two models on the same questions: bootstrap interval, exact test, power line."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.gaps import DRAWS_AT_ONCE, Gaps, pooled
from models.paired_tests import paired_test
from models.power import detectable_points
from viper.records import Difference
from viper.settings import GateRules

SHORT_OF_ZERO = 1e-6
"""Points by which an interval stops short of zero where the exact test excludes it."""


def paired_difference(
    suites: Sequence[Gaps], gate: GateRules, seed: int, binary: bool = False, family: int = 1
) -> Difference:
    """Difference of the unweighted mean over suites, in points, with its interval and test.

    The interval is the percentile bootstrap's over questions, each suite resampled on its own. It is too narrow where
    few answers changed, so the exact test has the last word on zero: the interval holds zero if and only if p is above
    1 - ``gate.confidence``, and is widened to it or stops short of it where the bootstrap says otherwise.

    Args:
        suites: Each suite's gaps; one suite is its own mean.
        gate: Level of interval and power line, number of resamples.
        seed: Of the resampling and of the flips.
        binary: Whether all scores are 0 or 1.
        family: In how many differences the test's p is adjusted: the power line is that of the adjusted test.
    """
    gaps, level = pooled(suites), 1 - gate.confidence
    points = float(np.mean([one.mean() for one in suites]))
    test = paired_test(gaps, binary, seed)
    low, high = _bootstrap_interval(suites, gate, seed)
    if test.p > level:
        low, high = min(low, 0.0), max(high, 0.0)
    elif points > 0:
        low = max(low, SHORT_OF_ZERO)
    else:
        high = min(high, -SHORT_OF_ZERO)
    line = detectable_points(gaps, binary, level / family)
    return Difference(points=points, low=low, high=high, test=test.model_copy(update={"detectable_points": line}))


def _bootstrap_interval(suites: Sequence[Gaps], gate: GateRules, seed: int) -> tuple[float, float]:
    means = np.mean(
        [bootstrap_means(gaps, gate.resamples, seed + number) for number, gaps in enumerate(suites)],
        axis=0,
    )
    low, high = np.quantile(means, [(1 - gate.confidence) / 2, (1 + gate.confidence) / 2])
    return float(low), float(high)


def bootstrap_means(gaps: Gaps, resamples: int, seed: int) -> NDArray[np.float64]:
    """Means of ``resamples`` resamples of the gaps: (resamples,), decided by the seed."""
    rng, at_once = np.random.default_rng(seed), max(1, DRAWS_AT_ONCE // len(gaps))
    sizes = [min(at_once, resamples - first) for first in range(0, resamples, at_once)]
    drawn = (rng.integers(len(gaps), size=(size, len(gaps)), dtype=np.uint32) for size in sizes)
    return np.concatenate([gaps[rows].mean(axis=1) for rows in drawn])
