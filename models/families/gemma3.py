"""Gemma 3: every picture becomes a square of one size, and as many tokens."""

from collections.abc import Sequence
from typing import Any

from models.families.family import Family, Parts, picture_numbers


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

    def picture_tokens(self, width: int, height: int, images: Any, config: Any) -> int:
        """As ``Family.picture_tokens``."""
        return int(config.mm_tokens_per_image)

    def pictures_of(self, inputs: Any, counts: Sequence[int], rows: Sequence[int]) -> dict[str, Any]:
        """One row a picture."""
        return {"pixel_values": inputs["pixel_values"][picture_numbers(counts, rows)]}
