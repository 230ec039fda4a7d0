"""Images of other people: looked at before they are decoded, decoded to plain RGB.

One image costs bounded memory and time: it is decoded only after its header said that its size is allowed. Whatever
a decoder raises, the image is set aside with one of the reasons that ``viper.pictures`` names.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from storage.image_structure import is_laborious
from viper import pictures
from viper.errors import UnusableImage
from viper.pictures import ImageLimits

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""All that is ever tried: no decoder that starts another program, as that of PostScript does, sees a file."""
GRAY_16_BIT = ("I", "I;16", "I;16L", "I;16B", "I;16N")
_TILE_SIDES = (322, 323)
"""Tags of a TIFF file: width and height of its tiles."""


def inspect_image(data: bytes, limits: ImageLimits) -> str | None:
    """Why the image in ``data`` cannot be used, as ``viper.pictures`` names it, or None if it can."""
    try:
        read_image(data, limits)
    except UnusableImage as unusable:
        return unusable.reason
    return None


def read_image(data: bytes, limits: ImageLimits) -> "Image":
    """The image in ``data`` as 8-bit RGB, upright, with transparency laid on white.

    Color profiles are not applied. Orientation that cannot be read is ignored. Of a photo with a preview behind it
    (MPO), the photo is read.

    Args:
        data: Content of an image file: PNG, JPEG, WebP, BMP, GIF or TIFF, in any color mode but floating point.
        limits: Of files and pictures.

    Raises:
        UnusableImage: It cannot be used.
    """
    from PIL import Image

    if len(data) > limits.max_bytes:
        raise UnusableImage(pictures.TOO_LARGE)
    if is_laborious(data):
        raise UnusableImage(pictures.UNSUPPORTED)
    with warnings.catch_warnings():
        # Pillow warns of what it then bears or what is checked below: a pool of such files would flood the log.
        warnings.simplefilter("ignore")
        with _set_aside_as(pictures.NOT_AN_IMAGE):
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        with image:
            with _set_aside_as(pictures.TRUNCATED):
                if reason := _refusal(image, limits):
                    raise UnusableImage(reason)
                image.load()
            with _set_aside_as(pictures.UNSUPPORTED):
                return _to_rgb(_upright(image))


def encode_png(image: "Image") -> bytes:
    """PNG bytes of the pixels of ``image`` and nothing else: equal pixels give equal bytes."""
    clean = image.copy()
    clean.info = {}
    buffer = io.BytesIO()
    clean.save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()


@contextmanager
def _set_aside_as(reason: str) -> Iterator[None]:
    """Around a call of Pillow, whose decoders raise anything, from KeyError to struct.error, on a malformed file."""
    from PIL.Image import DecompressionBombError

    try:
        yield
    except UnusableImage:
        raise
    except DecompressionBombError as error:
        raise UnusableImage(pictures.TOO_LARGE) from error
    except Exception as error:
        raise UnusableImage(reason) from error


def _refusal(image: "Image", limits: ImageLimits) -> str | None:
    """Why an opened image is not decoded, or None if it is."""
    if reason := limits.refusal(*image.size):
        return reason
    # A decoder of TIFF holds one tile, which may be larger than the image.
    width, height = (getattr(image, "tag_v2", {}).get(tag, 0) for tag in _TILE_SIDES)
    if width * height > limits.max_pixels:
        return pictures.TOO_LARGE
    is_still = image.format == "MPO" or not getattr(image, "is_animated", False)
    return None if is_still else pictures.ANIMATED


def _upright(image: "Image") -> "Image":
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # what is noted beside the pixels may be malformed though they are not
        return image


def _to_rgb(image: "Image") -> "Image":
    from PIL import Image

    if image.mode == "F":
        raise ValueError("floating point pixels have no agreed white")
    if image.mode in GRAY_16_BIT:
        image = _to_8_bits(image)
    if image.has_transparency_data:
        colors = image.convert("RGBA")
        white = Image.new("RGBA", colors.size, "white")
        image = Image.alpha_composite(white, colors)
    rgb = image.convert("RGB")
    rgb.info = {}
    return rgb


def _to_8_bits(image: "Image") -> "Image":
    """The upper eight of 16 bits; the shade that stands for transparency becomes white."""
    import numpy
    from PIL import Image

    gray_HW = numpy.asarray(image)
    narrow_HW = (numpy.clip(gray_HW, 0, 65535) >> 8).astype(numpy.uint8)
    if "transparency" in image.info:
        narrow_HW[gray_HW == image.info["transparency"]] = 255
    return Image.fromarray(narrow_HW)
