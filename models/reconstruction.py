"""How far a painting or an edit is from its original: the eyes of the self-critique filter.

``pixels`` compares small regions and forgives a shift by a pixel: right where painter and pool share one style, as in
the embedded world. For photographs, features of an image model compare what is shown rather than how.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

GRID = 3
"""Regions a side: changes are located on a 3 x 3 grid."""

Distance = Callable[[Sequence["Image"], Sequence["Image"]], list[float]]
"""Distances of pairs, each at least 0; 0 means the same."""


def as_array(image: "Image") -> NDArray[np.float32]:
    """(H, W, 3) in [0, 1]."""
    return np.asarray(image.convert("RGB"), dtype=np.float32) / np.float32(255)


def region_changes(first: "Image", second: "Image") -> NDArray[np.float32]:
    """(3, 3): mean absolute difference of each region of the grid, in [0, 1].

    Forgives a shift by one pixel and a color cast of the whole picture, which no caption speaks of.
    """
    if first.size != second.size:
        second = second.resize(first.size)
    one, other = as_array(first), as_array(second)
    other = other + np.median(one - other, axis=(0, 1))
    height, width = one.shape[0] // GRID, one.shape[1] // GRID
    padded = np.pad(other, ((1, 1), (1, 1), (0, 0)), mode="edge")
    best = np.full((GRID, GRID), np.inf, dtype=np.float32)
    for dy in range(3):
        for dx in range(3):
            gap = np.abs(one - padded[dy : dy + one.shape[0], dx : dx + one.shape[1]]).mean(-1)
            cells = gap[: height * GRID, : width * GRID].reshape(GRID, height, GRID, width).mean((1, 3))
            best = np.minimum(best, cells)
    return best


def pixel_distance(first: Sequence["Image"], second: Sequence["Image"]) -> list[float]:
    """Root mean square of the region changes of each pair, in [0, 1]: one clear change outweighs many faint ones."""
    return [float(np.sqrt((region_changes(a, b) ** 2).mean())) for a, b in zip(first, second, strict=True)]


def load_distance(name: str, device: str) -> Distance:
    """``pixels``, or the cosine distance of the features of an image model in [0, 2].

    Args:
        name: ``pixels``, or folder or hub name of a vision model of transformers, such as DINOv2 or SigLIP.
        device: Torch device of the vision model.

    Raises:
        ModelError: The model cannot be loaded.
    """
    if name == "pixels":
        return pixel_distance
    import torch
    from transformers import AutoImageProcessor, AutoModel

    from models.locations import resolve
    from viper.errors import ModelError

    try:
        processor = AutoImageProcessor.from_pretrained(resolve(name))
        model = AutoModel.from_pretrained(resolve(name), dtype=torch.float32).to(device).eval()
    except (OSError, ValueError) as error:
        raise ModelError(f"distance: {name} cannot be loaded as an image model: {error}") from error
    tower = getattr(model, "vision_model", model)

    @torch.inference_mode()
    def features(images: Sequence["Image"]) -> "torch.Tensor":
        pixels = processor(images=[image.convert("RGB") for image in images], return_tensors="pt").to(device)
        states = tower(pixel_values=pixels["pixel_values"]).last_hidden_state.float()
        return torch.nn.functional.normalize(states.mean(1), dim=-1)

    return lambda first, second: (1 - (features(first) * features(second)).sum(-1)).tolist()
