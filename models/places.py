"""What maps of local distances say: where a caption's words show, whether they come closer there, and what is left.

All figures are in units of the painter's noise: what two paintings of one caption differ by, under two noise seeds, at
the place where they differ most. So a threshold means the same for every painter and every judge.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
"""(rows, columns): the distance of two pictures at each place."""
Region = NDArray[np.bool_]
"""(rows, columns): some places."""

GRID = 3
"""Changes of an edit are located on a grid of 3 x 3 regions."""
LEAST_NOISE = 1 / 255
"""Of a painter that paints the same under every seed: one step of a color in 8 bits."""
CHANGED = 0.5
"""A correction speaks of the places that changed at least this share of what changed most."""


def noise_unit(maps: Sequence[Map]) -> float:
    """The unit of noise: half of the captions are painted with less difference between two seeds.

    Args:
        maps: For each caption, the map between its paintings under two seeds.
    """
    return max(LEAST_NOISE, float(np.median([one.max() for one in maps]))) if maps else LEAST_NOISE


def region_of(change: Map) -> Region:
    """The places of which a correction speaks: where the painting with it differs most from the one without."""
    return change >= CHANGED * change.max() if change.max() > 0 else np.zeros(change.shape, bool)


@dataclass(frozen=True)
class Gain:
    """How much closer one painting is to the original than another, in a region."""

    closer: float
    """Mean over the region, in units of noise; negative where it is farther."""
    explained: float
    """The same as a share of what the other was away: 1 where nothing is left."""


def gain_in(region: Region, before: Map, after: Map, unit: float) -> Gain:
    """What a painting gains in a region over another.

    Args:
        region: Where is looked at; none is gained in an empty one.
        before: Distances of the other painting from the original.
        after: Distances of the painting from the original.
        unit: Of noise.
    """
    if not region.any():
        return Gain(0.0, 0.0)
    away, left = float(before[region].mean()), float(after[region].mean())
    return Gain((away - left) / unit, (away - left) / away if away > 0 else 0.0)


def mean_gain(gains: Sequence[Gain]) -> Gain:
    """Over the noise seeds."""
    return Gain(
        sum(one.closer for one in gains) / len(gains),
        sum(one.explained for one in gains) / len(gains),
    )


def residual(distances: Map, unit: float) -> float:
    """What is left at the worst place, in units of noise."""
    return float(distances.max()) / unit


def differing(distances: Map, unit: float, limit: float) -> tuple[int, ...]:
    """The regions of the grid in which more is left than a limit, both in units of noise."""
    return tuple(number for number, left in enumerate(largest_by_region(distances, unit)) if left > limit)


def largest_by_region(distances: Map, unit: float) -> tuple[float, ...]:
    """The largest distance in each of the nine regions of the grid, row by row, in units of noise."""
    return tuple(float(distances[part].max()) / unit for part, _ in grid_regions(distances.shape, 0))


def grid_regions(shape: tuple[int, ...], reach: int) -> list[tuple[Region, Region]]:
    """The nine regions of the grid, row by row, each with what a judge sees of it around.

    Args:
        shape: Of the maps.
        reach: Of the judge.
    """
    rows = np.arange(shape[0]) * GRID // shape[0]
    columns = np.arange(shape[1]) * GRID // shape[1]
    parts = [(rows[:, None] == row) & (columns[None, :] == column) for row in range(GRID) for column in range(GRID)]
    return [(part, widened(part, reach)) for part in parts]


def widened(region: Region, reach: int) -> Region:
    """The region and all places up to ``reach`` away from it."""
    padded = np.pad(region, reach)
    steps = range(2 * reach + 1)
    moved = [padded[dy : dy + region.shape[0], dx : dx + region.shape[1]] for dy in steps for dx in steps]
    found: Region = np.any(moved, axis=0)
    return found
