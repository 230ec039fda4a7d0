"""Compares two pictures pixel by pixel, in small windows, and forgives a shift by a pixel.

Right where painter and pool share one style, as in the embedded world.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

WINDOW_PX = 2
"""A distance is the mean over a square of so many pixels to each side: one pixel of an edge says little by itself."""
SHIFT_PX = 1
"""Things that are shifted by so many pixels are the same."""


class PixelJudge:
    """Mean absolute differences of the colors around each pixel, in [0, 1]."""

    reach = WINDOW_PX + SHIFT_PX

    def maps(self, first: Sequence["Image"], second: Sequence["Image"]) -> list[NDArray[np.float32]]:
        """(H, W) a pair, of the first picture's size: 0 where both show the same."""
        return [local_distances(one, other) for one, other in zip(first, second, strict=True)]


def load_pixels(path: str, revision: str, device: str) -> PixelJudge:
    """The judge. It has no weights, so what is given says nothing to it."""
    return PixelJudge()


def local_distances(first: "Image", second: "Image") -> NDArray[np.float32]:
    """(H, W): mean absolute difference around each pixel, in [0, 1], at the shift that suits each window best.

    A color cast of the whole picture is taken out before, since no caption speaks of it.
    """
    if first.size != second.size:
        second = second.resize(first.size)
    one, other = _as_array(first), _as_array(second)
    other = other + np.median(one - other, axis=(0, 1))
    height, width = one.shape[:2]
    padded = np.pad(other, ((SHIFT_PX, SHIFT_PX), (SHIFT_PX, SHIFT_PX), (0, 0)), mode="edge")
    best = np.full((height, width), np.inf, dtype=np.float32)
    for dy in range(2 * SHIFT_PX + 1):
        for dx in range(2 * SHIFT_PX + 1):
            gap = np.abs(one - padded[dy : dy + height, dx : dx + width]).mean(-1)
            best = np.minimum(best, _window_means(gap))
    return best


def _window_means(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W): the mean of the window around each pixel; beyond its edge the picture goes on as it ends."""
    side = 2 * WINDOW_PX + 1
    sums = np.pad(np.pad(values, WINDOW_PX, mode="edge").cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    means = (sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]) / side**2
    found: NDArray[np.float32] = np.maximum(means, 0).astype(np.float32)
    return found


def _as_array(image: "Image") -> NDArray[np.float32]:
    """(H, W, 3) in [0, 1]."""
    return np.asarray(image.convert("RGB"), dtype=np.float32) / np.float32(255)
