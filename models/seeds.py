"""Intervals over seeds: what another seed would give, and not only other questions."""

import math
from collections.abc import Sequence

from viper.records import Record


class Interval(Record):
    """Where the mean over all seeds lies, in points."""

    low: float
    high: float


def interval_over_seeds(values: Sequence[float], confidence: float) -> Interval | None:
    """Student's t interval of the mean of one value a seed; ``None`` of less than two seeds, which tell no spread.

    Args:
        values: One a seed, taken to be drawn independently and about normally.
        confidence: Level, in (0, 1).
    """
    count = len(values)
    if count < 2:
        return None
    from scipy.stats import t

    mean = sum(values) / count
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (count - 1))
    half = float(t.ppf((1 + confidence) / 2, count - 1)) * deviation / math.sqrt(count)
    return Interval(low=mean - half, high=mean + half)
