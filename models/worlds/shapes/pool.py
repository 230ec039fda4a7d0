"""Draws pictures of the embedded world as PNG files: the loop's unlabelled pool. Scenes are not kept."""

import io

import numpy as np
from PIL import Image

from models.worlds.shapes.scene import render, sample_scene


def png(pixels: np.ndarray) -> bytes:
    """PNG bytes of an (H, W, 3) uint8 picture."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def draw_pictures(seed: int, count: int) -> list[bytes]:
    """``count`` PNG pictures of random scenes. The seed decides every pixel."""
    pictures = []
    for number in range(count):
        rng = np.random.default_rng([seed, 100, number])
        pictures.append(png(render(sample_scene(rng), rng)))
    return pictures
