"""Idefics3 and SmolVLM: a picture is seen in crops and whole, and each prompt has one row of crops."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from models.families.family import LINEAR, Family, Parts
from viper.errors import ModelError
from viper.records import PixelLimits


class Idefics3(Family):
    """Idefics3, and the first SmolVLM, which has its form."""

    name = "Idefics3"
    model_type: ClassVar[str] = "idefics3"
    vision: ClassVar[tuple[str, ...]] = ("model.vision_model", "model.connector")
    adapters: ClassVar[str] = rf".*text_model.*\.{LINEAR}"

    def parts(self) -> Parts:
        """As ``Family.parts``."""
        from transformers.models.idefics3 import processing_idefics3
        from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

        class Idefics3Processor(processing_idefics3.Idefics3Processor):
            """The stock processor, which asks no tokenizer where pictures stand: those of marked texts cannot say."""

            def get_text_with_replacements(self, *args: Any, **kwargs: Any) -> tuple[list[str], list[Any]]:
                texts, _ = super().get_text_with_replacements(*args, **kwargs)
                return texts, [[] for _ in texts]

        return Parts(Idefics3Processor, Idefics3ImageProcessorPil)

    def features(self, inputs: Any, pictures: Sequence[Sequence[Any]], processor: Any, config: Any) -> list[int]:
        """Of each crop its patches, one of ``scale_factor`` squared. What only fills a row up is 0 everywhere."""
        vision = config.vision_config
        each = (vision.image_size // vision.patch_size) ** 2 // config.scale_factor**2
        return [each * crops for crops in (inputs["pixel_values"] != 0).flatten(2).any(-1).sum(-1).tolist()]

    def pictures_of(self, inputs: Any, counts: Sequence[int], rows: Sequence[int]) -> dict[str, Any]:
        """One row a prompt."""
        names = ("pixel_values", "pixel_attention_mask")
        return {name: inputs[name][list(rows)] for name in names if inputs.get(name) is not None}

    def picture_tokens(self, processor: Any, width: int, height: int, together: int = 1) -> int:
        """As ``Family.picture_tokens``."""
        return int(processor.image_seq_len) * _crops(processor.image_processor, width, height)

    def pixel_limits(self, processor: Any) -> PixelLimits:
        """As ``Family.pixel_limits``: of one row of crops, and of a square of them."""
        images = processor.image_processor
        side = images.max_image_size["longest_edge"]
        most = images.size["longest_edge"] if images.do_image_splitting else side
        return PixelLimits(min_pixels=most * side, max_pixels=most**2)

    def limit_pixels(self, processor: Any, config: Any, min_pixels: int, max_pixels: int) -> None:
        """As ``Family.limit_pixels``: as many crops along the longer side as make a square within the upper one."""
        if not (min_pixels or max_pixels):
            return
        images, words = processor.image_processor, processor.tokenizer.get_vocab()
        side = images.max_image_size["longest_edge"]
        known = next(count for count in range(99) if f"<row_{count + 1}_col_{count + 1}>" not in words)
        along = math.isqrt(max_pixels) // side
        if min_pixels or not images.do_image_splitting or not 1 <= along <= known:
            raise ModelError(
                f"models.vlm.min_pixels is {min_pixels:,} and max_pixels {max_pixels:,}, but {self.name} enlarges and "
                f"reduces every picture alike, to crops of {side} x {side} along its longer side, {known} at most. "
                f"Leave min_pixels out, and set max_pixels to {side**2:,} to {(side * known) ** 2:,}, the area of a "
                "square."
            )
        images.size = type(images.size)(longest_edge=along * side)


def _crops(images: Any, width: int, height: int) -> int:
    """Crops of a picture, and one of the whole where there are several, as the image processor makes them."""
    import numpy as np
    from transformers.models.idefics3.image_processing_pil_idefics3 import get_resize_output_image_size

    if not images.do_image_splitting:
        return 1
    side = images.max_image_size["longest_edge"]
    of_this_size = np.broadcast_to(np.uint8(0), (height, width))
    height, width = get_resize_output_image_size(of_this_size, images.size["longest_edge"])
    ratio = width / height
    if width >= height:
        columns = math.ceil(width / side)
        rows = math.ceil(int(columns * side / ratio) / side)
    else:
        rows = math.ceil(height / side)
        columns = math.ceil(int(rows * side * ratio) / side)
    return rows * columns + 1 if rows * columns > 1 else 1


class SmolVlm(Idefics3):
    """SmolVLM 2."""

    name = "SmolVLM"
    model_type: ClassVar[str] = "smolvlm"

    def parts(self) -> Parts:
        """As ``Family.parts``."""
        from transformers.models.smolvlm import processing_smolvlm
        from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

        # It spells the number of a video's frames, and no step shows a model a video; the stock processor refuses to
        # start without it.
        processing_smolvlm.num2words = processing_smolvlm.num2words or str
        return Parts(processing_smolvlm.SmolVLMProcessor, SmolVLMImageProcessorPil, "SmolVLMVideoProcessor")
