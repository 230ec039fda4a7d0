"""At which size an editor works on a picture, and how the picture is laid on it without being stretched."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viper.pictures import ShapeLimits

if TYPE_CHECKING:
    from PIL.Image import Image

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Canvas:
    """The working size for one picture: sides that the model takes, and which part of it the picture fills."""

    size: Size
    filled: Size
    """From the upper left corner; the rest repeats the picture's last row and column."""
    source: Size

    def lay(self, image: "Image") -> "Image":
        """The picture on its canvas: scaled alike in both directions."""
        from PIL import Image

        if image.size != self.filled:
            image = image.resize(self.filled)
        if self.filled == self.size:
            return image
        right, below = self.size[0] - self.filled[0], self.size[1] - self.filled[1]
        return Image.fromarray(np.pad(np.asarray(image), ((0, below), (0, right), (0, 0)), mode="edge"))

    def take(self, image: "Image") -> "Image":
        """What stands in the picture's place on an edited canvas, at the source's size."""
        if image.size != self.size:
            raise ValueError(f"the editor gave {image.size} for a canvas of {self.size}")
        if self.filled != self.size:
            image = image.crop((0, 0, *self.filled))
        return image if image.size == self.source else image.resize(self.source)


def canvas_for(source: Size, side_px: int, multiple_px: int, shapes: ShapeLimits) -> Canvas:
    """The canvas for a picture: about side_px² pixels at the picture's aspect ratio.

    Args:
        source: The picture's size.
        side_px: Of a square with as many pixels.
        multiple_px: Sides of the canvas are multiples of it, at least one.
        shapes: Sizes that the model takes; a side that is too short for them is lengthened.
    """
    width, height = source
    stretch = math.sqrt(width / height)
    near = [max(1, round(side / multiple_px)) * multiple_px for side in (side_px * stretch, side_px / stretch)]
    least = math.ceil(max(shapes.min_side_px, max(near) / shapes.max_aspect) / multiple_px) * multiple_px
    size = max(near[0], least), max(near[1], least)
    scale = min(size[0] / width, size[1] / height)
    filled = tuple(min(side, max(1, round(one * scale))) for one, side in zip(source, size, strict=True))
    return Canvas(size, (filled[0], filled[1]), source)
