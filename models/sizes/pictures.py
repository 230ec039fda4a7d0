"""Tokens that a picture costs, by its size and the limits in pixels: the arithmetic of the family's own processor."""

from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from models.families import find_family
from models.families.family import PHOTOGRAPH
from models.sizes.weights import on_meta
from viper.errors import ModelError


def picture_tokens(folder: Path, min_pixels: int, max_pixels: int, size: tuple[int, int] = PHOTOGRAPH) -> int:
    """Tokens that a picture of this size costs in a prompt.

    Args:
        folder: Of the model, with its description and that of its image processor.
        min_pixels: As ``models.vlm.min_pixels``; 0 leaves the folder's own.
        max_pixels: As ``models.vlm.max_pixels``; 0 leaves the folder's own.
        size: Width and height, in pixels.

    Raises:
        ModelError: The folder describes no image processor, or its family has no such limits.
    """
    images, family, config = _images(folder, min_pixels, max_pixels)
    return int(family.picture_tokens(*size, images, config))


@cache
def _images(folder: Path, min_pixels: int, max_pixels: int) -> tuple[Any, Any, Any]:
    config = on_meta(folder).config
    family = find_family(config.model_type, str(folder))
    try:
        images = family.parts().images.from_pretrained(folder)
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(f"{folder} describes no image processor of {family.name}: {error}") from error
    family.limit_pixels(SimpleNamespace(image_processor=images), min_pixels, max_pixels)
    return images, family, config
