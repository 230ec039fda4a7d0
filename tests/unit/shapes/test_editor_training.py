"""What the training of the embedded editor looks at: pixels near a change, however few they are."""

import numpy as np
import torch
from numpy.typing import NDArray

from models.worlds.shapes.editing import NEAR_WEIGHT, changed, weigh_surroundings
from models.worlds.shapes.grammar import Operation
from models.worlds.shapes.painting import to_tensor
from models.worlds.shapes.pictures import render_pair
from models.worlds.shapes.scene import IMAGE_PX, Scene, Thing

CENTER = 4
CENTER_PX = (23, 24)
"""The four pixels in the middle of the center cell."""


def weights_of(size: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights and changes, (48, 48), where a green ring in the center becomes red."""
    scene = Scene((Thing(CENTER, size, "green", "ring"),))
    before, after = render_pair(scene, [Operation("recolor", CENTER, "red")], np.random.default_rng(0))
    source, target = to_tensor([before]), to_tensor([after])
    return weigh_surroundings(source, target)[0, 0].numpy(), changed(source, target)[0, 0].numpy()


def test_a_small_shape_weighs_as_much_as_a_large_one_and_its_hole_as_much_as_its_ink() -> None:
    for size in ("small", "large"):
        weights, changes = weights_of(size)
        assert np.isclose(weights.sum(), IMAGE_PX**2 + NEAR_WEIGHT)
        ink = weights[changes == 1]
        assert np.allclose(ink, ink[0])
    weights, changes = weights_of("small")
    hole = np.ix_(CENTER_PX, CENTER_PX)
    assert not changes[hole].any()
    assert np.allclose(weights[hole], weights.max())
    assert (weights[:16] == 1).all()  # the upper row of cells


def test_an_edit_without_a_visible_change_weighs_its_pixels_alike() -> None:
    same = torch.zeros(1, 3, IMAGE_PX, IMAGE_PX)
    assert (weigh_surroundings(same, same) == 1).all()
