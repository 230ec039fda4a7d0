"""Gemma 3: every picture becomes a square of one size, and as many tokens."""

from collections.abc import Sequence
from typing import Any

from models.families.family import Family, Parts, picture_numbers
from viper.errors import ModelError


class Gemma3(Family):
    """Gemma 3 of the sizes that see."""

    name = "Gemma3"
    model_type = "gemma3"

    def parts(self) -> Parts:
        """As ``Family.parts``."""
        from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
        from transformers.models.gemma3.processing_gemma3 import Gemma3Processor

        return Parts(Gemma3Processor, Gemma3ImageProcessorPil)

    def features(self, inputs: Any, pictures: Sequence[Sequence[Any]], processor: Any, config: Any) -> list[int]:
        """``mm_tokens_per_image`` a picture."""
        return [config.mm_tokens_per_image * len(shown) for shown in pictures]

    def pictures_of(self, inputs: Any, counts: Sequence[int], rows: Sequence[int]) -> dict[str, Any]:
        """One row a picture."""
        return {"pixel_values": inputs["pixel_values"][picture_numbers(counts, rows)]}

    def picture_tokens(self, processor: Any, width: int, height: int, together: int = 1) -> int:
        """As ``Family.picture_tokens``: the same for all."""
        return int(processor.image_seq_length)

    def limit_pixels(self, processor: Any, config: Any, min_pixels: int, max_pixels: int) -> None:
        """As ``Family.limit_pixels``."""
        if min_pixels or max_pixels:
            size = processor.image_processor.size
            raise ModelError(
                f"{self.name} has no limits in pixels: every picture becomes {size['width']} x {size['height']} and "
                f"costs {processor.image_seq_length} tokens. Leave models.vlm.min_pixels and max_pixels out."
            )
