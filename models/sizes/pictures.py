"""Tokens that a picture costs, by its size and the limits in pixels: the arithmetic of the family's own processor."""

from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from models.families import find_family
from models.families.family import PHOTOGRAPH, Family
from models.sizes.weights import on_meta
from models.vlm import load_processing
from viper.errors import ModelError
from viper.settings import VlmSettings

TOKENIZER = "tokenizer_config.json"


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
    family, processor = _processing(folder, min_pixels, max_pixels)
    return family.picture_tokens(processor, *size)


@cache
def _processing(folder: Path, min_pixels: int, max_pixels: int) -> tuple[Family, Any]:
    if (folder / TOKENIZER).is_file():
        family, processor, _ = load_processing(
            VlmSettings(path=str(folder), min_pixels=min_pixels, max_pixels=max_pixels)
        )
        return family, processor
    # Of a published model the image processor alone is known, which is all that Qwen's families ask.
    config = on_meta(folder).config
    family = find_family(config.model_type, str(folder))
    try:
        images = family.parts().images.from_pretrained(folder)
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(f"{folder} describes no image processor of {family.name}: {error}") from error
    described = SimpleNamespace(image_processor=images)
    family.limit_pixels(described, config, min_pixels, max_pixels)
    return family, described
