"""Pool images: found in a folder or bucket, looked at before they are decoded, decoded to plain RGB.

A pool is other people's files. An image is decoded only after its header said that it is small enough, and each
reason to set one aside has a name: ``not_an_image``, ``too_large``, ``animated``, ``truncated``, ``unsupported``.
"""

import io
import warnings
from typing import TYPE_CHECKING, Any

from storage.backend import PART_BYTES
from storage.files import file_version, filesystem
from storage.store_errors import translate
from viper.errors import PoolError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
GRAY_16_BIT = ("I", "I;16", "I;16L", "I;16B", "I;16N")


def inspect_image(data: bytes, max_pixels: int, max_bytes: int) -> str | None:
    """Why the image in ``data`` cannot be used, or None if it can.

    Args:
        data: Content of an image file.
        max_pixels: Largest width × height that is decoded.
        max_bytes: Largest file.

    Returns:
        ``not_an_image``, ``too_large``, ``animated``, ``truncated``, ``unsupported``, or None.
    """
    decoded = _decode(data, max_pixels, max_bytes)
    return decoded if isinstance(decoded, str) else None


def read_image(data: bytes, max_pixels: int, max_bytes: int) -> "Image":
    """The image in ``data`` as 8-bit RGB, upright, with transparency laid on white.

    Args:
        data: Content of an image file: PNG, JPEG, WebP, BMP, GIF or TIFF, in any color mode but floating point.
        max_pixels: Largest width × height that is decoded.
        max_bytes: Largest file.

    Raises:
        PoolError: With the reason of ``inspect_image``, if it cannot be used.
    """
    decoded = _decode(data, max_pixels, max_bytes)
    if isinstance(decoded, str):
        raise PoolError(
            f"The image is {decoded}. Expected one still image of at most {max_pixels} pixels and {max_bytes} bytes."
        )
    return decoded


def encode_png(image: "Image") -> bytes:
    """PNG bytes of the pixels of ``image`` and nothing else: equal pixels give equal bytes."""
    clean = image.copy()
    clean.info = {}
    buffer = io.BytesIO()
    clean.save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()


def list_images(uri: str) -> dict[str, str]:
    """Addresses of all files under ``uri`` that are named like images, sorted, with what changes when they do.

    Hidden files are left out.

    Args:
        uri: A folder or ``s3://bucket/prefix``.

    Raises:
        PoolError: If nothing lies there.
        StoreError: If it cannot be listed.
    """
    files, root = filesystem(uri)
    try:
        found: dict[str, dict[str, Any]] = files.find(root, detail=True)
    except Exception as error:
        raise translate(error, f"Cannot list the images in {uri}") or error from error
    prefix = "s3://" if uri.startswith("s3://") else ""
    inside = {path[len(root) :]: info for path, info in sorted(found.items())}
    images = {
        prefix + root + path: file_version(info)
        for path, info in inside.items()
        if path.lower().endswith(SUFFIXES) and not any(part.startswith(".") for part in path.split("/"))
    }
    if not images:
        raise PoolError(f"There are no images in {uri}. Expected files ending in {', '.join(SUFFIXES)}.")
    return images


def read_bytes(uri: str, max_bytes: int | None = None) -> bytes:
    """Content of the file at ``uri``; of a file larger than ``max_bytes``, just enough to see that it is.

    Raises:
        StoreError: If it cannot be read.
    """
    files, path = filesystem(uri)
    try:
        with files.open(path, "rb", block_size=PART_BYTES) as file:
            data: bytes = file.read() if max_bytes is None else file.read(max_bytes + 1)
    except Exception as error:
        raise translate(error, f"Cannot read {uri}") or error from error
    return data


def _decode(data: bytes, max_pixels: int, max_bytes: int) -> "Image | str":
    from PIL import Image

    if len(data) > max_bytes:
        return "too_large"
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images while it reads the header; the limit is checked on the next lines.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        return "too_large"
    except Exception:  # decoders raise anything, from KeyError to struct.error, on a malformed file
        return "not_an_image"
    with image:
        if image.width * image.height > max_pixels:
            return "too_large"
        try:
            # Cameras put a preview behind the photo (MPO); the photo comes first.
            if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
                return "animated"
            image.load()
        except Exception:  # as above
            return "truncated"
        try:
            return _to_rgb(image)
        except (OSError, ValueError):
            return "unsupported"


def _to_rgb(image: "Image") -> "Image":
    import numpy
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode == "F":
        raise ValueError("floating point pixels have no agreed white")
    if upright.mode in GRAY_16_BIT:
        gray_HW = numpy.clip(numpy.asarray(upright).astype(numpy.int64), 0, 65535) >> 8
        upright = Image.fromarray(gray_HW.astype(numpy.uint8))
    if upright.has_transparency_data:
        colors = upright.convert("RGBA")
        white = Image.new("RGBA", colors.size, "white")
        upright = Image.alpha_composite(white, colors)
    rgb = upright.convert("RGB")
    rgb.info = {}
    return rgb
