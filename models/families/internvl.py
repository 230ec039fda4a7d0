"""InternVL in transformers' own form (folders whose names end in ``-hf``): pictures cut into crops of one size."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from models.families.family import Family, Parts
from viper.errors import ModelError
from viper.records import PixelLimits


class InternVl(Family):
    """InternVL 2.5, 3 and 3.5 with a language model of Qwen or Llama."""

    name = "InternVL"
    model_type = "internvl"
    nested = False

    def parts(self) -> Parts:
        """As ``Family.parts``."""
        from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
        from transformers.models.internvl.processing_internvl import InternVLProcessor

        return Parts(InternVLProcessor, GotOcr2ImageProcessorPil, "InternVLVideoProcessor")

    def crops(self, pictures: Sequence[Sequence[Any]], processor: Any) -> list[int]:
        """A crop for each field of the grid that fits a picture best, and one of the whole if there are several."""
        return [sum(_crops(processor, *image.size) for image in shown) for shown in pictures]

    def features(self, inputs: Any, pictures: Sequence[Sequence[Any]], processor: Any, config: Any) -> list[int]:
        """Of each crop its patches, ``downsample_ratio`` squared of them."""
        vision = config.vision_config
        patches = [side // patch for side, patch in zip(vision.image_size, vision.patch_size, strict=True)]
        each = int(patches[0] * config.downsample_ratio) * int(patches[1] * config.downsample_ratio)
        return [each * crops for crops in self.crops(pictures, processor)]

    def pictures_of(self, inputs: Any, counts: Sequence[int], rows: Sequence[int]) -> dict[str, Any]:
        """One row a crop. ``num_tiles`` tells how many there are of each prompt; without it, one a picture."""
        tiles = inputs.get("num_tiles") or counts
        starts = [0, *accumulate(tiles)]
        chosen = [crop for row in rows for crop in range(starts[row], starts[row + 1])]
        return {"pixel_values": inputs["pixel_values"][chosen]}

    def picture_tokens(self, processor: Any, width: int, height: int, together: int = 1) -> int:
        """As ``Family.picture_tokens``."""
        return int(processor.image_seq_length) * _crops(processor, width, height)

    def pixel_limits(self, processor: Any) -> PixelLimits:
        """As ``Family.pixel_limits``: those of the grid of crops."""
        images = processor.image_processor
        area = images.size["height"] * images.size["width"]
        return PixelLimits(min_pixels=images.min_patches * area, max_pixels=images.max_patches * area)

    def limit_pixels(self, processor: Any, config: Any, min_pixels: int, max_pixels: int) -> None:
        """As ``Family.limit_pixels``: as many whole crops as lie within them."""
        if not (min_pixels or max_pixels):
            return
        images, own = processor.image_processor, self.pixel_limits(processor)
        area = images.size["height"] * images.size["width"]
        low, high = -(-(min_pixels or own.min_pixels) // area), (max_pixels or own.max_pixels) // area
        if not 1 <= low <= high:
            raise ModelError(
                f"models.vlm.min_pixels is {min_pixels:,} and max_pixels {max_pixels:,}, where 0 stands for those of "
                f"the model's folder ({own.min_pixels:,} and {own.max_pixels:,}). {self.name} sees a picture as crops "
                f"of {area:,} pixels, and no whole number of them lies between. Set max_pixels to at least "
                f"{low * area:,}."
            )
        images.min_patches, images.max_patches = low, high


def _crops(processor: Any, width: int, height: int) -> int:
    count = processor.image_processor.get_number_of_image_patches
    return int(count(height, width, dict(processor.images_kwargs)))
