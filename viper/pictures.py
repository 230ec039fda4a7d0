"""Which pictures the loop takes in, and the names of the reasons to set one aside."""

import math

from viper.records import Record

NOT_AN_IMAGE = "not an image"
"""No file of a format that is read."""
TOO_LARGE = "too large"
"""More bytes or pixels than allowed."""
TOO_NARROW = "too narrow"
"""One side is more times the other than a model takes."""
TOO_SMALL = "too small"
"""A side is shorter than a model takes."""
ANIMATED = "animated"
"""More than one frame or page."""
TRUNCATED = "truncated"
"""It begins as an image, and its pixels are damaged or missing."""
UNSUPPORTED = "unsupported"
"""Pixels that have no agreed color, or a file built to keep a decoder busy."""
NOT_REGULAR = "not a regular file"
"""A pipe, socket, device, or a link to nothing or to a folder."""
UNREADABLE = "unreadable"
"""A file or folder whose owner, mode or disk refuses it."""
BAD_NAME = "name is not UTF-8"
CHANGED = "changed since the round began"
"""No longer as it was listed, or gone."""


class ShapeLimits(Record):
    """Shapes of pictures that a model takes."""

    min_side_px: int = 1
    max_aspect: float = math.inf
    """The longer side is at most this many times the shorter one."""


class ImageLimits(ShapeLimits):
    """What a picture must keep to, as its file and in its shape."""

    max_pixels: int
    """Largest width x height that is decoded."""
    max_bytes: int
    """Largest file."""

    def refusal(self, width: int, height: int) -> str | None:
        """Why a picture of this size is set aside, or None if its size is right."""
        if width * height > self.max_pixels:
            return TOO_LARGE
        if max(width, height) > self.max_aspect * min(width, height):
            return TOO_NARROW
        return TOO_SMALL if min(width, height) < self.min_side_px else None


MAX_BENCHMARK_PIXELS = 178_956_970
"""Largest width x height of a benchmark's picture: Pillow refuses more."""
MAX_BENCHMARK_BYTES = 50_000_000
"""Largest file of one."""
ACCEPTED = ImageLimits(max_pixels=MAX_BENCHMARK_PIXELS, max_bytes=MAX_BENCHMARK_BYTES)
"""Of the pictures of a fixed suite: their shapes were looked at when it was fixed."""


class PoolFile(Record):
    """One image file of a pool, as it was when the round began."""

    name: str
    """Its address; of a file that no step can open, as it is shown to people."""
    version: str
    """What changes when the file does: a hash, an ETag, or size and time of change."""
    refusal: str = ""
    """Why it is set aside unread; empty for a file that is read."""
