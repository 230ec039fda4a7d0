"""The differences of two models question by question, on which every paired statistic rests."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DRAWS_AT_ONCE = 2**20
"""Random numbers drawn in one call: 12 MB."""

Gaps = NDArray[np.float64]
"""Candidate minus other, question by question, in points: (N,) in [-100, 100]."""

Scores = Sequence[float] | NDArray[np.float64]
"""In [0, 1], one a question."""


def gaps_between(candidate: Scores, other: Scores) -> Gaps:
    """The differences of two models, question by question, in points.

    Args:
        candidate: The candidate's.
        other: The other model's on the same questions, in the same order.

    Raises:
        ValueError: The two are not of one length, or are empty.
    """
    if len(candidate) != len(other) or len(candidate) == 0:
        raise ValueError(f"Paired scores must be as many and at least one; found {len(candidate)} and {len(other)}.")
    gaps = 100 * (np.asarray(candidate, dtype=np.float64) - np.asarray(other, dtype=np.float64))
    return np.round(gaps, 9)  # scores that differ in their last bits alone are equal


def pooled(suites: Sequence[Gaps]) -> Gaps:
    """All suites' gaps in one row, weighted so that its mean is the unweighted mean over the suites.

    A question of a suite of N among k suites of M questions in all weighs M / (k N): 1 where suites are of one size.
    """
    questions = sum(len(gaps) for gaps in suites)
    return np.concatenate([gaps * (questions / (len(suites) * len(gaps))) for gaps in suites])
