"""How many pixels of a picture a vision-language model sees: the limits that its processor keeps.

Pictures outside the limits are enlarged or reduced, their sides near to their ratio. Qwen's processors count so
(arXiv 2409.12191, naive dynamic resolution); others have a fixed size or limits of their own kind.
"""

from typing import TYPE_CHECKING, Any

from viper.errors import ModelError
from viper.records import PixelLimits

if TYPE_CHECKING:
    from transformers import ProcessorMixin

_KIND = "Qwen2VLImageProcessor"
"""With or without torchvision; what Qwen's later models use, too."""


def pixel_limits(processor: "ProcessorMixin") -> PixelLimits | None:
    """The limits of a processor; ``None`` if it has none in pixels."""
    images: Any = processor.image_processor
    if not any(kind.__name__.startswith(_KIND) for kind in type(images).__mro__):
        return None
    return PixelLimits(min_pixels=images.size["shortest_edge"], max_pixels=images.size["longest_edge"])


def limit_pixels(processor: "ProcessorMixin", min_pixels: int, max_pixels: int) -> None:
    """Give a processor other limits, so that whoever calls or saves it keeps them.

    Args:
        processor: Of the model.
        min_pixels: Smallest width x height that the model sees; 0 leaves the processor's own.
        max_pixels: Largest; 0 leaves the processor's own.

    Raises:
        ModelError: The processor has no such limits, or they leave it no picture.
    """
    if not (min_pixels or max_pixels):
        return
    own = pixel_limits(processor)
    if own is None:
        raise ModelError(
            f"A {type(processor).__name__} has no limits in pixels. Leave models.vlm.min_pixels and max_pixels out."
        )
    images: Any = processor.image_processor
    low, high = min_pixels or own.min_pixels, max_pixels or own.max_pixels
    token = (images.patch_size * images.merge_size) ** 2
    if low > high or high < token:
        raise ModelError(
            f"models.vlm.min_pixels is {low:,} and max_pixels {high:,}, where 0 stands for those of the model's folder "
            f"({own.min_pixels:,} and {own.max_pixels:,}). Expected at least {token:,} in max_pixels, one token of a "
            "picture, and no more in min_pixels."
        )
    images.size = type(images.size)(shortest_edge=low, longest_edge=high)
