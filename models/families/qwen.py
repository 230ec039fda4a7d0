"""Qwen2-VL, Qwen2.5-VL and Qwen3-VL: pictures of any size, cut into patches, with a grid for each picture."""

from collections.abc import Sequence
from typing import Any, ClassVar

from models.families.family import Family, Parts, per_prompt, picture_numbers
from viper.errors import ModelError
from viper.pictures import ShapeLimits
from viper.records import PixelLimits


class Qwen(Family):
    """Of all three.

    Pictures outside the limits in pixels are enlarged or reduced, their sides near to their ratio (arXiv 2409.12191,
    naive dynamic resolution).
    """

    nested = False
    vision: ClassVar[tuple[str, ...]] = ("model.visual",)
    shared_prefix = True
    shapes: ClassVar[ShapeLimits] = ShapeLimits(max_aspect=200)

    def features(self, inputs: Any, pictures: Sequence[Sequence[Any]], processor: Any, config: Any) -> list[int]:
        """One of ``spatial_merge_size`` squared patches."""
        merged = inputs["image_grid_thw"].prod(-1) // config.vision_config.spatial_merge_size**2
        return per_prompt(merged.tolist(), list(map(len, pictures)))

    def pictures_of(self, inputs: Any, counts: Sequence[int], rows: Sequence[int]) -> dict[str, Any]:
        """Patches of the pictures, and their grids: frames, rows and columns."""
        import torch

        grids_N3 = inputs["image_grid_thw"]
        of_picture = inputs["pixel_values"].split(grids_N3.prod(-1).tolist())
        chosen = picture_numbers(counts, rows)
        return {"pixel_values": torch.cat([of_picture[i] for i in chosen]), "image_grid_thw": grids_N3[chosen]}

    def picture_tokens(self, processor: Any, width: int, height: int, together: int = 1) -> int:
        """As ``Family.picture_tokens``."""
        images = processor.image_processor
        return int(images.get_number_of_image_patches(height, width)) // int(images.merge_size) ** 2

    def as_seen(self, processor: Any, picture: Any) -> Any:
        """As ``Family.as_seen``; the processor then has nothing left to resize.

        Limits close to each other can leave no size that would stay as it is: then the picture is as it was.
        """
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

        images, limits = processor.image_processor, self.pixel_limits(processor)
        token, pixels = images.patch_size * images.merge_size, (limits.min_pixels, limits.max_pixels)
        height, width = smart_resize(picture.height, picture.width, token, *pixels)
        if smart_resize(height, width, token, *pixels) != (height, width):
            return picture.convert("RGB")
        return picture.convert("RGB").resize((width, height), images.resample)

    def pixel_limits(self, processor: Any) -> PixelLimits:
        """As ``Family.pixel_limits``."""
        size = processor.image_processor.size
        return PixelLimits(min_pixels=size["shortest_edge"], max_pixels=size["longest_edge"])

    def limit_pixels(self, processor: Any, config: Any, min_pixels: int, max_pixels: int) -> None:
        """As ``Family.limit_pixels``."""
        if not (min_pixels or max_pixels):
            return
        images, own = processor.image_processor, self.pixel_limits(processor)
        low, high = min_pixels or own.min_pixels, max_pixels or own.max_pixels
        token = (images.patch_size * images.merge_size) ** 2
        if low > high or high < token:
            raise ModelError(
                f"models.vlm.min_pixels is {low:,} and max_pixels {high:,}, where 0 stands for those of the model's "
                f"folder ({own.min_pixels:,} and {own.max_pixels:,}). Expected at least {token:,} in max_pixels, one "
                "token of a picture, and no more in min_pixels."
            )
        images.size = type(images.size)(shortest_edge=low, longest_edge=high)


class Qwen2Vl(Qwen):
    """Qwen2-VL."""

    name = "Qwen2-VL"
    model_type = "qwen2_vl"

    def parts(self) -> Parts:
        """As ``Family.parts``."""
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
        from transformers.models.qwen2_vl.processing_qwen2_vl import Qwen2VLProcessor

        return Parts(Qwen2VLProcessor, Qwen2VLImageProcessorPil, "Qwen2VLVideoProcessor")


class Qwen25Vl(Qwen):
    """Qwen2.5-VL, the embedded model's family."""

    name = "Qwen2.5-VL"
    model_type = "qwen2_5_vl"

    def parts(self) -> Parts:
        """As ``Family.parts``."""
        from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

        return Parts(Qwen2_5_VLProcessor, Qwen2VLImageProcessorPil, "Qwen2VLVideoProcessor")


class Qwen3Vl(Qwen):
    """Qwen3-VL, whose first layers get features of several depths of the tower."""

    name = "Qwen3-VL"
    model_type = "qwen3_vl"

    def parts(self) -> Parts:
        """As ``Family.parts``."""
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
        from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

        return Parts(Qwen3VLProcessor, Qwen2VLImageProcessorPil, "Qwen3VLVideoProcessor")
