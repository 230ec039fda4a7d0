"""LLaVA-OneVision: one picture is seen whole and in crops, several in one prompt only whole."""

import math
from collections.abc import Sequence
from typing import Any

from models.families.family import Family, Parts, per_prompt, picture_numbers


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
        each = [
            _of_picture(height, width, config) if crops else _of_whole(config) + 1
            for (height, width), crops in zip(sizes, alone, strict=True)
        ]
        return per_prompt(each, counts)

    def picture_tokens(self, width: int, height: int, images: Any, config: Any) -> int:
        """As ``Family.picture_tokens``."""
        return _of_picture(height, width, config)

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


def _of_whole(config: Any) -> int:
    return int((config.vision_config.image_size // config.vision_config.patch_size) ** 2)


def _of_picture(height: int, width: int, config: Any) -> int:
    """The whole, then crops without what pads them to a grid, and a feature at the end of each line."""
    from transformers.image_processing_utils import select_best_resolution

    best_height, best_width = select_best_resolution([height, width], config.image_grid_pinpoints)
    side = config.vision_config.image_size // config.vision_config.patch_size
    rows = side * (best_height // config.vision_config.image_size)
    columns = side * (best_width // config.vision_config.image_size)
    if width / height > columns / rows:
        rows -= (rows - int(round(height * (columns / width), 7))) // 2 * 2
    else:
        columns -= (columns - int(round(width * (rows / height), 7))) // 2 * 2
    most = int(config.vision_aspect_ratio.removeprefix("anyres_max_"))
    ratio = math.sqrt(rows * columns / (most * side**2))
    if ratio > 1.1:
        rows, columns = int(rows // ratio), int(columns // ratio)
    return int(_of_whole(config) + rows * columns + rows)
