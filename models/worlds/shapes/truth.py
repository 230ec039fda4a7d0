"""What a perfect observer would write: labels for measuring the ceiling of a round. The loop itself never asks it."""

import numpy as np
from numpy.typing import NDArray

from models.worlds.shapes import grammar
from models.worlds.shapes.examples import say_corrections, say_things
from models.worlds.shapes.parser import read_scene


def true_refinements(picture: NDArray[np.uint8], caption: str, rng: np.random.Generator) -> tuple[str, str]:
    """The right refinements of a caption, and the right caption.

    Args:
        picture: (48, 48, 3) uint8, a picture of the embedded world.
        caption: What was said of it.
        rng: Draws the phrasings.

    Raises:
        ValueError: The picture does not read as a scene.
    """
    scene = read_scene(picture)
    found = grammar.corrections(scene, grammar.read_caption(caption))
    return say_corrections(found, rng), say_things(scene.things, rng)
