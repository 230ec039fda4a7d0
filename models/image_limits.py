"""Which pictures the models of the loop take: what one of them would refuse is refused when it comes in.

Nobody asks the painter, which is given captions.
"""

from models.families import family_of
from models.pipelines.checks import editor_shapes
from models.places import GRID
from viper.pictures import MAX_BENCHMARK_BYTES, MAX_BENCHMARK_PIXELS, ImageLimits, ShapeLimits

Address = tuple[str, str]
"""Path of a model, and revision of one on the hub."""
FILTER = ShapeLimits(min_side_px=GRID)
"""Pictures are compared region by region, and each region holds a pixel."""


def benchmark_limits(vlm: Address) -> ImageLimits:
    """The limits of pictures that are shown to the VLM alone.

    Raises:
        ModelError: The VLM is not there, or its family is not known.
    """
    return _within(MAX_BENCHMARK_PIXELS, MAX_BENCHMARK_BYTES, family_of(*vlm).shapes)


def pool_limits(max_pixels: int, max_bytes: int, vlm: Address, editor: Address) -> ImageLimits:
    """The limits of pictures that the VLM describes, the editor changes and the filter compares.

    Args:
        max_pixels: Largest width x height that is decoded.
        max_bytes: Largest file.
        vlm: Where the VLM lies.
        editor: Where the editor lies.

    Raises:
        ModelError: A model is not there, or the family of the VLM is not known.
    """
    return _within(max_pixels, max_bytes, family_of(*vlm).shapes, FILTER, editor_shapes(*editor))


def _within(max_pixels: int, max_bytes: int, *shapes: ShapeLimits) -> ImageLimits:
    return ImageLimits(
        max_pixels=max_pixels,
        max_bytes=max_bytes,
        min_side_px=max(shape.min_side_px for shape in shapes),
        max_aspect=min(shape.max_aspect for shape in shapes),
    )
