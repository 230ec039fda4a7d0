"""InternVL in transformers' own form (folders whose names end in ``-hf``): pictures cut into crops of one size."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from models.families.family import Family, Parts


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
        count = processor.image_processor.get_number_of_image_patches
        options = dict(processor.images_kwargs)
        return [sum(count(image.height, image.width, options) for image in shown) for shown in pictures]

    def features(self, inputs: Any, pictures: Sequence[Sequence[Any]], processor: Any, config: Any) -> list[int]:
        """Of each crop its patches, ``downsample_ratio`` squared of them."""
        return [_of_crop(config) * crops for crops in self.crops(pictures, processor)]

    def picture_tokens(self, width: int, height: int, images: Any, config: Any) -> int:
        """As ``Family.picture_tokens``."""
        return int(images.get_number_of_image_patches(height, width, {}) * _of_crop(config))

    def pictures_of(self, inputs: Any, counts: Sequence[int], rows: Sequence[int]) -> dict[str, Any]:
        """One row a crop. ``num_tiles`` tells how many there are of each prompt; without it, one a picture."""
        tiles = inputs.get("num_tiles") or counts
        starts = [0, *accumulate(tiles)]
        chosen = [crop for row in rows for crop in range(starts[row], starts[row + 1])]
        return {"pixel_values": inputs["pixel_values"][chosen]}


def _of_crop(config: Any) -> int:
    vision = config.vision_config
    patches = [side // patch for side, patch in zip(vision.image_size, vision.patch_size, strict=True)]
    return int(patches[0] * config.downsample_ratio) * int(patches[1] * config.downsample_ratio)
