"""Compares small regions of two pictures and forgives a shift by a pixel.

Right where painter and pool share one style, as in the embedded world.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

REGIONS_PER_SIDE = 3
"""Changes are located on a 3 x 3 grid."""


class PixelJudge:
    """Root mean square of the region changes of each pair, in [0, 1]: one clear change outweighs many faint ones."""

    def distances(self, first: Sequence["Image"], second: Sequence["Image"]) -> list[float]:
        """One distance a pair; 0 means the same."""
        return [float(np.sqrt((region_changes(a, b) ** 2).mean())) for a, b in zip(first, second, strict=True)]


def load_pixels(path: str, revision: str, device: str) -> PixelJudge:
    """The judge. It has no weights, so what is given says nothing to it."""
    return PixelJudge()


def region_changes(first: "Image", second: "Image") -> NDArray[np.float32]:
    """(3, 3): mean absolute difference of each region of the grid, in [0, 1].

    Forgives a shift by one pixel and a color cast of the whole picture, which no caption speaks of.
    """
    if first.size != second.size:
        second = second.resize(first.size)
    one, other = _as_array(first), _as_array(second)
    other = other + np.median(one - other, axis=(0, 1))
    side = REGIONS_PER_SIDE
    height, width = one.shape[0] // side, one.shape[1] // side
    padded = np.pad(other, ((1, 1), (1, 1), (0, 0)), mode="edge")
    best = np.full((side, side), np.inf, dtype=np.float32)
    for dy in range(3):
        for dx in range(3):
            gap = np.abs(one - padded[dy : dy + one.shape[0], dx : dx + one.shape[1]]).mean(-1)
            cells = gap[: height * side, : width * side].reshape(side, height, side, width).mean((1, 3))
            best = np.minimum(best, cells)
    return best


def _as_array(image: "Image") -> NDArray[np.float32]:
    """(H, W, 3) in [0, 1]."""
    return np.asarray(image.convert("RGB"), dtype=np.float32) / np.float32(255)
