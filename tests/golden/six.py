"""Six pictures of the embedded world whose scenes were chosen by hand, and the round's steps over them."""

import numpy as np
from PIL import Image

from models.worlds.shapes.scene import Scene, Thing, render

SCENES = {
    "a": Scene((Thing(0, "small", "teal", "ring"),)),
    "b": Scene((Thing(4, "large", "red", "cross"),)),
    "c": Scene((Thing(2, "large", "blue", "triangle"), Thing(6, "small", "yellow", "square"))),
    "d": Scene((Thing(8, "large", "pink", "diamond"),)),
    "e": Scene(
        (Thing(1, "small", "red", "circle"), Thing(5, "large", "green", "cross"), Thing(7, "small", "blue", "square"))
    ),
    "f": Scene((Thing(3, "large", "brown", "triangle"),)),
}
"""By image id. ``b``, ``c`` and ``e`` hold words that the base knows well; ``a``, ``d`` and ``f`` hold look-alikes."""


def pictures() -> dict[str, Image.Image]:
    """The pictures by image id."""
    return {
        name: Image.fromarray(render(scene, np.random.default_rng(number)))
        for number, (name, scene) in enumerate(SCENES.items())
    }
