"""A judge from outside: how far the mean colors of two pictures are from each other."""

from collections.abc import Sequence

import numpy as np
from PIL.Image import Image


class DummyJudge:
    """Difference of the mean colors, in [0, 1]."""

    def distances(self, first: Sequence[Image], second: Sequence[Image]) -> list[float]:
        """One distance a pair."""
        return [mean_distance(one, other) for one, other in zip(first, second, strict=True)]


def mean_distance(first: Image, second: Image) -> float:
    """The distance of one pair."""
    one, other = (np.asarray(image.convert("RGB"), dtype=float).mean((0, 1)) for image in (first, second))
    return float(np.abs(one - other).mean() / 255)


def load_dummy(path: str, revision: str, device: str) -> DummyJudge:
    """The judge. It has no weights."""
    return DummyJudge()
