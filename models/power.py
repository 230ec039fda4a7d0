"""How small a true difference a suite can show: the power line of every report."""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from models.gaps import Gaps

POWER = 0.8
"""Probability with which the difference of a power line is shown."""
LEAST_QUESTIONS = 50
"""With fewer questions, or fewer changed answers of unlike sizes, what was observed says too little about power."""


def detectable_points(gaps: Gaps, binary: bool, level: float) -> float | None:
    """The smallest true difference that so many questions show with probability ``POWER``, in points.

    It assumes that as many answers change as here, and by as much. Where all changes are of one size, as on 0/1 scores,
    the power of McNemar's exact test is summed over the binomials of how many answers change and which way they go.
    Otherwise it is (z_(1-level/2) + z_power) · sqrt(mean squared gap / N) (Connor 1987; Miller 2024, arXiv 2411.00640),
    which the sign-flip test reaches as the number of changes grows.

    Args:
        gaps: In points, (N,).
        binary: Whether the scores are 0 or 1.
        level: The p at which a difference counts as shown, in (0, 1).

    Returns:
        ``None`` below ``LEAST_QUESTIONS`` questions, on graded scores below as many changed answers, and where not even
        a gain on every question would be shown.
    """
    sizes = np.unique(np.round(np.abs(gaps[gaps != 0]), 9))
    changed = int(np.count_nonzero(gaps))
    if len(gaps) < LEAST_QUESTIONS or (not binary and changed < LEAST_QUESTIONS):
        return None
    if len(sizes) < 2:
        share = _detectable_share(changed, len(gaps), level)
        return None if share is None else share * float(sizes[0] if len(sizes) else 100)
    normal, spread = NormalDist(), math.sqrt(float(np.mean(gaps**2)) / len(gaps))
    return min(100.0, (normal.inv_cdf(POWER) - normal.inv_cdf(level / 2)) * spread)


@lru_cache(maxsize=4096)
def _detectable_share(changed: int, questions: int, level: float) -> float | None:
    from scipy.optimize import brentq

    def missing(gain: float) -> float:
        return POWER - mcnemar_power(gain, changed / questions, questions, level)

    return None if missing(1.0) > 0 else float(brentq(missing, 1e-9, 1.0))


def mcnemar_power(gain: float, changed: float, questions: int, level: float) -> float:
    """Probability that McNemar's exact test shows a true gain.

    Args:
        gain: Share of questions won less those lost, in (0, 1].
        changed: Share of questions won or lost; at least the gain is taken, since no gain comes without change.
        questions: Their number.
        level: The two-sided p at which the gain counts as shown.
    """
    from scipy.special import bdtr
    from scipy.stats import binom

    changed = max(gain, changed)
    mean, spread = questions * changed, math.sqrt(questions * changed * (1 - changed))
    first, last = max(0, int(mean - 8 * spread) - 8), min(questions, int(mean + 8 * spread) + 8)
    pairs, most_lost = np.arange(first, last + 1), _most_lost(first, last, level)
    shown = np.where(most_lost < 0, 0.0, bdtr(np.maximum(most_lost, 0), pairs, (1 - gain / changed) / 2))
    return float(binom.pmf(pairs, questions, changed) @ shown)


@lru_cache(maxsize=256)
def _most_lost(first: int, last: int, level: float) -> NDArray[np.float64]:
    """With ``first`` to ``last`` changed answers: how many may be lost if p is to reach the level, below 0 if none."""
    from scipy.special import bdtr
    from scipy.stats import binom

    pairs = np.arange(first, last + 1)
    found = binom.ppf(level / 2, pairs, 0.5)
    return np.asarray(found - (bdtr(found, pairs, 0.5) > level / 2))
