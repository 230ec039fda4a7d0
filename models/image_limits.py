"""Which pictures the models of the loop take: what one of them would refuse is refused when it comes in.

Nobody asks the painter, which is given captions.
"""

from models.judges.pixels import REGIONS_PER_SIDE
from models.pipelines.checks import editor_shapes
from viper.pictures import MAX_BENCHMARK_BYTES, MAX_BENCHMARK_PIXELS, ImageLimits, ShapeLimits

VLM = ShapeLimits(max_aspect=200)
"""Of the VLMs that can be fed (``models.vlm`` counts image tokens by Qwen's grid): they have the image processor of
Qwen2-VL, which refuses a longer side of more than 200 times the shorter one, and enlarges what is small."""
FILTER = ShapeLimits(min_side_px=REGIONS_PER_SIDE)
"""Pictures are compared region by region, and each region holds a pixel."""


def benchmark_limits() -> ImageLimits:
    """The limits of pictures that are shown to the VLM alone."""
    return _within(MAX_BENCHMARK_PIXELS, MAX_BENCHMARK_BYTES, VLM)


def pool_limits(max_pixels: int, max_bytes: int, editor: str, revision: str) -> ImageLimits:
    """The limits of pictures that the VLM describes, the editor changes and the filter compares.

    Args:
        max_pixels: Largest width x height that is decoded.
        max_bytes: Largest file.
        editor: Path of the editor.
        revision: Of an editor on the hub.

    Raises:
        ModelError: The editor is not there.
    """
    return _within(max_pixels, max_bytes, VLM, FILTER, editor_shapes(editor, revision))


def _within(max_pixels: int, max_bytes: int, *shapes: ShapeLimits) -> ImageLimits:
    return ImageLimits(
        max_pixels=max_pixels,
        max_bytes=max_bytes,
        min_side_px=max(shape.min_side_px for shape in shapes),
        max_aspect=min(shape.max_aspect for shape in shapes),
    )
