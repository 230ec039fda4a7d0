"""Scenes of the embedded world and how they are drawn.

A scene is one to four objects on a 3 x 3 grid. A picture is 48 x 48 pixels, so a cell is 16 x 16:
exactly one merged token of the vision tower (patch 8, merge 2) and four patches of the painter.
The background is a soft gradient, from which a model with rotary positions only can read where it looks.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

IMAGE_PX = 48
CELL_PX = 16
GRID = 3

SIZES = ("small", "large")
COLORS: dict[str, tuple[int, int, int]] = {
    "red": (214, 39, 40),
    "pink": (240, 128, 168),
    "orange": (250, 140, 20),
    "brown": (132, 78, 38),
    "yellow": (240, 215, 40),
    "green": (44, 160, 44),
    "teal": (20, 150, 160),
    "blue": (40, 80, 215),
}
SHAPES = ("circle", "ring", "square", "diamond", "triangle", "cross")
POSITIONS = tuple(f"{row} {column}" for row in ("top", "middle", "bottom") for column in ("left", "center", "right"))

COARSE = {"pink": "red", "brown": "orange", "teal": "green", "ring": "circle", "diamond": "square"}
"""Fine words and the coarse word that casual captions use instead."""
LOOKALIKES = COARSE | {coarse: fine for fine, coarse in COARSE.items()}
"""Fine words by their coarse ones, and the other way round."""

_RADIUS_PX = {"small": 4.2, "large": 6.8}

Attribute = Literal["size", "color", "shape"]
ATTRIBUTE_WORDS: dict[Attribute, tuple[str, ...]] = {"size": SIZES, "color": tuple(COLORS), "shape": SHAPES}


@dataclass(frozen=True, order=True)
class Thing:
    """One object. ``cell`` counts 0..8 in reading order."""

    cell: int
    size: str
    color: str
    shape: str

    @property
    def position(self) -> str:
        """The cell in words, such as ``top left``."""
        return POSITIONS[self.cell]


@dataclass(frozen=True)
class Scene:
    """Objects in reading order, at most one a cell."""

    things: tuple[Thing, ...]

    def at(self, cell: int) -> Thing | None:
        """The object in a cell, if there is one."""
        return next((thing for thing in self.things if thing.cell == cell), None)

    def replaced(self, cell: int, thing: Thing | None) -> "Scene":
        """The scene with the content of ``cell`` taken out and ``thing`` put in (``None``: nothing)."""
        kept = [other for other in self.things if other.cell != cell]
        return Scene(tuple(sorted([*kept, thing] if thing else kept)))


def sample_thing(rng: np.random.Generator, cell: int) -> Thing:
    """An object with uniformly drawn attributes."""
    return Thing(
        cell=cell,
        size=SIZES[rng.integers(len(SIZES))],
        color=list(COLORS)[rng.integers(len(COLORS))],
        shape=SHAPES[rng.integers(len(SHAPES))],
    )


def sample_scene(rng: np.random.Generator, min_things: int = 1, max_things: int = 4) -> Scene:
    """A scene with a uniform number of objects in ``[min_things, max_things]``, in distinct cells."""
    count = int(rng.integers(min_things, max_things + 1))
    cells = sorted(int(cell) for cell in rng.choice(GRID * GRID, size=count, replace=False))
    return Scene(tuple(sample_thing(rng, cell) for cell in cells))


def shape_mask(shape: str, radius_px: float, dx: float = 0.0, dy: float = 0.0) -> NDArray[np.float32]:
    """Coverage of a cell by a shape: (16, 16) in [0, 1], antialiased from a signed distance.

    Args:
        shape: One of ``SHAPES``.
        radius_px: Half the extent of the shape, in pixels.
        dx: Shift to the right of the cell's center, in pixels.
        dy: Shift down, in pixels.
    """
    axis = np.arange(CELL_PX, dtype=np.float32) - (CELL_PX - 1) / 2
    x, y = np.meshgrid(axis - dx, axis - dy)
    r = radius_px
    if shape == "circle":
        distance = np.hypot(x, y) - r
    elif shape == "ring":
        distance = np.maximum(np.hypot(x, y) - r, 0.52 * r - np.hypot(x, y))
    elif shape == "square":
        distance = np.maximum(np.abs(x), np.abs(y)) - 0.88 * r
    elif shape == "diamond":
        distance = (np.abs(x) + np.abs(y) - 1.12 * r) * 0.7071
    elif shape == "triangle":
        distance = np.maximum(y - 0.8 * r, (np.abs(x) * 1.9 - (y + 1.0 * r)) / 2.147)
    else:
        arm, bar = np.minimum(np.abs(x), np.abs(y)), np.maximum(np.abs(x), np.abs(y))
        distance = np.maximum(arm - 0.32 * r, bar - r)
    coverage: NDArray[np.float32] = np.clip(0.5 - distance, 0.0, 1.0).astype(np.float32)
    return coverage


def background(tint: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """The gradient behind every scene: (48, 48, 3) in [0, 255]. Red falls to the right, blue falls downward."""
    ramp = np.linspace(0.0, 1.0, IMAGE_PX, dtype=np.float32)
    x, y = np.meshgrid(ramp, ramp)
    canvas = np.stack([246 - 36 * x, 236 - 10 * (x + y) / 2, 246 - 36 * y], axis=-1)
    return canvas if tint is None else canvas + tint


def render(scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a scene: (48, 48, 3) uint8.

    ``rng`` draws what the language does not name: a tint of the background, and for each object a shade and
    a shift of under a pixel. So two pictures of one scene differ in their bytes.
    """
    canvas = background(rng.uniform(-6, 6, size=3).astype(np.float32))
    for thing in scene.things:
        dx, dy = rng.uniform(-0.5, 0.5, size=2)
        color = np.asarray(COLORS[thing.color], dtype=np.float32) + rng.uniform(-7, 7, size=3).astype(np.float32)
        mask = shape_mask(thing.shape, _RADIUS_PX[thing.size], float(dx), float(dy))[..., None]
        row, column = divmod(thing.cell, GRID)
        cell = canvas[row * CELL_PX : (row + 1) * CELL_PX, column * CELL_PX : (column + 1) * CELL_PX]
        cell[:] = cell * (1 - mask) + color * mask
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
