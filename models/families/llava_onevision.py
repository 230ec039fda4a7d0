"""LLaVA-OneVision: one picture is seen whole and in crops, several in one prompt only whole."""

import math
from collections.abc import Sequence
from typing import Any

from models.families.family import Family, Parts, per_prompt, picture_numbers
from viper.errors import ModelError
from viper.records import PixelLimits


class LlavaOnevision(Family):
    """LLaVA-OneVision with a language model of Qwen2."""

    name = "LLaVA-OneVision"
    model_type = "llava_onevision"
    vision = (*Family.vision, "model.image_newline")

    def parts(self) -> Parts:
        """As ``Family.parts``."""
        from transformers.models.llava_onevision.image_processing_pil_llava_onevision import (
            LlavaOnevisionImageProcessorPil,
        )
        from transformers.models.llava_onevision.processing_llava_onevision import LlavaOnevisionProcessor

        return Parts(LlavaOnevisionProcessor, LlavaOnevisionImageProcessorPil, "LlavaOnevisionVideoProcessor")

    def features(self, inputs: Any, pictures: Sequence[Sequence[Any]], processor: Any, config: Any) -> list[int]:
        """As ``pack_image_features`` of the model joins them (arXiv 2408.03326, section 3.2)."""
        counts = list(map(len, pictures))
        alone = [count == 1 for count in counts for _ in range(count)]
        sizes = inputs["image_sizes"].tolist()
        side_px, grids, most = config.vision_config.image_size, config.image_grid_pinpoints, _most(config)
        side = side_px // config.vision_config.patch_size
        each = [
            _of_picture(height, width, side_px, side, grids, most) if crops else side**2 + 1
            for (height, width), crops in zip(sizes, alone, strict=True)
        ]
        return per_prompt(each, counts)

    def pictures_of(self, inputs: Any, counts: Sequence[int], rows: Sequence[int]) -> dict[str, Any]:
        """One row a picture.

        ``batch_num_images`` tells the model which pictures are alone in their prompt, and so have crops. TRL hands it
        to no update: the model would then take every picture for one with crops.
        """
        import torch

        chosen = picture_numbers(counts, rows)
        numbers = torch.tensor([counts[row] for row in rows if counts[row]], device=inputs["pixel_values"].device)
        return {
            "pixel_values": inputs["pixel_values"][chosen],
            "image_sizes": inputs["image_sizes"][chosen],
            "batch_num_images": numbers,
        }

    def picture_tokens(self, processor: Any, width: int, height: int, together: int = 1) -> int:
        """As ``Family.picture_tokens``."""
        if together > 1:
            return int(processor.num_image_tokens) + 1
        images, patches = processor.image_processor, math.isqrt(processor.num_image_tokens)
        side_px, grids = images.size["height"], images.image_grid_pinpoints
        return _of_picture(height, width, side_px, patches, grids, _most(processor))

    def pixel_limits(self, processor: Any) -> PixelLimits:
        """As ``Family.pixel_limits``: those of the grids of crops of a picture that is alone in its prompt."""
        areas = [height * width for height, width in processor.image_processor.image_grid_pinpoints]
        return PixelLimits(min_pixels=min(areas), max_pixels=max(areas))

    def limit_pixels(self, processor: Any, config: Any, min_pixels: int, max_pixels: int) -> None:
        """As ``Family.limit_pixels``: the grids within them remain, in the processor and in the model."""
        if not (min_pixels or max_pixels):
            return
        images, own = processor.image_processor, self.pixel_limits(processor)
        low, high = min_pixels or own.min_pixels, max_pixels or own.max_pixels
        within = [list(grid) for grid in images.image_grid_pinpoints if low <= grid[0] * grid[1] <= high]
        if not within:
            raise ModelError(
                f"models.vlm.min_pixels is {min_pixels:,} and max_pixels {max_pixels:,}, 0 for no limit, and no grid "
                f"of crops of this {self.name} lies between. Its folder has grids of {own.min_pixels:,} to "
                f"{own.max_pixels:,} pixels (image_grid_pinpoints). Set max_pixels to at least {own.min_pixels:,}."
            )
        images.image_grid_pinpoints, config.image_grid_pinpoints = within, within


def _most(described: Any) -> int:
    """Of ``anyres_max_9``, 9: the features of crops are averaged to about as many as so many wholes have."""
    return int(described.vision_aspect_ratio.removeprefix("anyres_max_"))


def _of_picture(height: int, width: int, side_px: int, side: int, grids: Sequence[Sequence[int]], most: int) -> int:
    """The whole, then crops without what pads them to a grid, and a feature at the end of each line.

    Args:
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
        side_px: Of a crop, in pixels.
        side: Of a crop, in features.
        grids: Heights and widths of all grids of crops, in pixels.
        most: Crops whose features are not averaged to fewer, at most.
    """
    from transformers.image_processing_utils import select_best_resolution

    best_height, best_width = select_best_resolution([height, width], grids)
    rows, columns = side * (best_height // side_px), side * (best_width // side_px)
    if width / height > columns / rows:
        rows -= (rows - int(round(height * (columns / width), 7))) // 2 * 2
    else:
        columns -= (columns - int(round(width * (rows / height), 7))) // 2 * 2
    ratio = math.sqrt(rows * columns / (most * side**2))
    if ratio > 1.1:
        rows, columns = int(rows // ratio), int(columns // ratio)
    return int(side**2 + rows * columns + rows)
