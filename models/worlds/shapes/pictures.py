"""Pairs of pictures that differ in chosen cells only: what a perfect editor would leave."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.worlds.shapes.grammar import Operation
from models.worlds.shapes.scene import CELL_PX, GRID, Scene, render


def with_cells(picture: NDArray[np.uint8], other: NDArray[np.uint8], cells: Iterable[int]) -> NDArray[np.uint8]:
    """A copy of a (48, 48, 3) picture with some cells taken from another."""
    merged = picture.copy()
    for cell in cells:
        row, column = divmod(cell, GRID)
        window = np.s_[row * CELL_PX : (row + 1) * CELL_PX, column * CELL_PX : (column + 1) * CELL_PX]
        merged[window] = other[window]
    return merged


def render_pair(
    scene: Scene, operations: Sequence[Operation], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The scene before and after some operations, alike outside their cells. Both (48, 48, 3) uint8."""
    seed = int(rng.integers(2**62))
    before, edited = render(scene, np.random.default_rng(seed)), scene
    for operation in operations:
        edited = operation.apply(edited)
    redrawn = render(edited, np.random.default_rng(seed))
    return before, with_cells(before, redrawn, frozenset().union(*(operation.cells for operation in operations)))
