"""Which pictures the models of the loop take: what one of them would refuse is refused when it comes in.

Painters and editors set no limit of their own: a painter is given captions, and an editor works at a size that
``models.diffusion`` chooses.
"""

from models.judges.pixels import REGIONS_PER_SIDE
from viper.pictures import ImageLimits

MAX_ASPECT = 200
"""Longer side over shorter side. The VLMs that can be fed (``models.vlm`` counts image tokens by Qwen's grid) have the
image processor of Qwen2-VL, which refuses more. It enlarges pictures that are smaller than a patch."""
MIN_SIDE_PX = REGIONS_PER_SIDE
"""The filter compares pictures region by region, so each region holds a pixel."""


def image_limits(max_pixels: int, max_bytes: int) -> ImageLimits:
    """The limits of pictures that every model of the loop takes.

    Args:
        max_pixels: Largest width x height that is decoded.
        max_bytes: Largest file.
    """
    return ImageLimits(max_pixels=max_pixels, max_bytes=max_bytes, min_side_px=MIN_SIDE_PX, max_aspect=MAX_ASPECT)
