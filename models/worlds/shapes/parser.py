"""Reads a picture of the embedded world back into a scene.

It knows pixels only. Benchmarks, model cards and tests use it to judge the painter and the editor;
nothing in the loop does.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.worlds.shapes.scene import (
    _RADIUS_PX,
    CELL_PX,
    COLORS,
    GRID,
    SHAPES,
    SIZES,
    Scene,
    Thing,
    background,
    shape_mask,
)

_MIN_COVERAGE = 0.05
_MIN_OVERLAP = 0.6


@cache
def _templates() -> tuple[list[tuple[str, str]], NDArray[np.float32]]:
    """The twelve size-shape pairs and their masks at nine shifts: names and (12, 9, 256)."""
    names = [(size, shape) for size in SIZES for shape in SHAPES]
    shifts = [(dx, dy) for dx in (-0.7, 0.0, 0.7) for dy in (-0.7, 0.0, 0.7)]
    masks = [[shape_mask(shape, _RADIUS_PX[size], dx, dy).ravel() for dx, dy in shifts] for size, shape in names]
    return names, np.asarray(masks, dtype=np.float32)


def read_cell(cell: NDArray[np.float32], behind: NDArray[np.float32], number: int) -> Thing | None:
    """The object in one (16, 16, 3) cell, ``None`` if it is empty.

    Raises:
        ValueError: Something is there, but it is no shape of this world.
    """
    behind = behind + np.median(np.concatenate([cell[0] - behind[0], cell[-1] - behind[-1]]), axis=0)
    distance = np.linalg.norm(cell - behind, axis=-1)
    if (distance > 60).mean() < _MIN_COVERAGE:
        return None
    core = distance >= 0.75 * np.quantile(distance, 0.97)
    color = np.median(cell[core], axis=0)
    palette = np.asarray(list(COLORS.values()), dtype=np.float32)
    gaps = np.linalg.norm(palette - color, axis=-1)
    nearest = int(gaps.argmin())
    if gaps[nearest] > 55:
        raise ValueError(f"cell {number}: color {color.round()} is not in the palette")
    # Coverage solves pixel = (1 - m) * background + m * color for m.
    ink = color - behind
    mask = np.clip(((cell - behind) * ink).sum(-1) / (ink * ink).sum(-1), 0, 1).ravel()
    names, templates = _templates()
    overlap = np.minimum(templates, mask).sum(-1) / np.maximum(templates, mask).sum(-1)
    best = np.unravel_index(int(overlap.argmax()), overlap.shape)
    if overlap[best] < _MIN_OVERLAP:
        raise ValueError(f"cell {number}: no shape matches (best overlap {overlap[best]:.2f})")
    size, shape = names[int(best[0])]
    return Thing(number, size, list(COLORS)[nearest], shape)


def read_cells(image: NDArray[np.uint8]) -> list[Thing | ValueError | None]:
    """What is in each of the nine cells of a (48, 48, 3) uint8 picture; an error where it is no object."""
    pixels, behind = image.astype(np.float32), background()
    found: list[Thing | ValueError | None] = []
    for number in range(GRID * GRID):
        row, column = divmod(number, GRID)
        window = np.s_[row * CELL_PX : (row + 1) * CELL_PX, column * CELL_PX : (column + 1) * CELL_PX]
        try:
            found.append(read_cell(pixels[window], behind[window], number))
        except ValueError as error:
            found.append(error)
    return found


def read_scene(image: NDArray[np.uint8]) -> Scene:
    """The scene in a (48, 48, 3) uint8 picture.

    Raises:
        ValueError: A cell holds something that is no object of this world.
    """
    cells = read_cells(image)
    for cell in cells:
        if isinstance(cell, ValueError):
            raise cell
    return Scene(tuple(cell for cell in cells if isinstance(cell, Thing)))
