"""Pool images: what is refused by name, and what the others become."""

import io
import random
import zlib

import pytest
from PIL import Image

from storage.images import encode_png, inspect_image, read_image
from viper.errors import PoolError
from viper.pictures import ImageLimits

LIMITS = ImageLimits(max_pixels=100_000, max_bytes=1_000_000, min_side_px=1, max_aspect=200)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def photo(mode: str = "RGB") -> Image.Image:
    gradient = Image.linear_gradient("L").resize((60, 40))
    return Image.merge("RGB", (gradient, gradient.rotate(90, expand=False), gradient)).convert(mode)


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def png_that_claims(width: int, height: int) -> bytes:
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    body = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def animated(form: str) -> bytes:
    return encoded(photo(), form, save_all=True, append_images=[photo().rotate(90), photo().rotate(180)])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (encoded(Image.effect_noise((60, 40), 50))[:-200], "truncated"),
        (encoded(photo(), "JPEG")[:-200], "truncated"),
        (png_that_claims(60, 40_000_000 // 60), "too large"),
        (png_that_claims(60_000, 60_000), "too large"),
        (png_that_claims(10_000, 10_000), "too large"),
        (encoded(Image.new("RGB", (400, 400))), "too large"),
        (encoded(photo(), "BMP") + bytes(1_000_000), "too large"),
        (b"", "not an image"),
        (b"<html>404</html>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (animated("GIF"), "animated"),
        (animated("PNG"), "animated"),
        (animated("WEBP"), "animated"),
        (encoded(Image.new("F", (4, 4)), "TIFF"), "unsupported"),
    ],
)
def test_an_unusable_image_is_refused_by_name(data: bytes, reason: str) -> None:
    assert inspect_image(data, LIMITS) == reason
    with pytest.raises(PoolError, match=reason):
        read_image(data, LIMITS)


@pytest.mark.parametrize(
    ("data", "tolerance"),
    [
        (encoded(photo()), 0),
        (encoded(photo(), "WEBP", lossless=True), 0),
        (encoded(photo("CMYK"), "TIFF"), 0),
        (encoded(photo("CMYK"), "JPEG", quality=100, subsampling=0), 6),
        (encoded(photo(), "GIF"), 40),
        (encoded(photo("P")), 60),
    ],
    ids=["png", "webp", "cmyk tiff", "cmyk jpeg", "gif", "palette"],
)
def test_every_color_mode_becomes_the_same_rgb(data: bytes, tolerance: int) -> None:
    assert inspect_image(data, LIMITS) is None
    image = read_image(data, LIMITS)
    assert (image.mode, image.size) == ("RGB", (60, 40))
    for found, expected in zip(image.tobytes(), photo().tobytes(), strict=True):
        assert abs(found - expected) <= tolerance


def test_no_damage_to_a_file_ends_in_anything_but_a_reason() -> None:
    draws = random.Random(7)
    files = [encoded(photo(), form) for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")]
    reasons = set()
    for _ in range(600):
        data = bytearray(draws.choice(files))
        for _ in range(draws.randint(1, 8)):
            data[draws.randrange(min(len(data), 400))] = draws.randrange(256)
        reasons.add(inspect_image(bytes(data), LIMITS))
    assert {None, "not an image", "truncated", "too large"} <= reasons


def test_transparency_is_laid_on_white() -> None:
    half = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    half.putpixel((1, 0), (255, 0, 0, 255))
    for data in (encoded(half), encoded(half, "WEBP", lossless=True), encoded(half.quantize(4))):
        image = read_image(data, LIMITS)
        assert image.getpixel((0, 0)) == (255, 255, 255)
        assert image.getpixel((1, 0)) == (255, 0, 0)
    gray = Image.new("LA", (1, 1), (0, 128))
    assert read_image(encoded(gray), LIMITS).getpixel((0, 0)) == (127, 127, 127)


def test_sixteen_bits_keep_their_brightness() -> None:
    image = Image.new("I;16", (1, 1), 0x80FF)
    assert read_image(encoded(image), LIMITS).getpixel((0, 0)) == (128, 128, 128)


def test_a_sideways_photo_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = read_image(encoded(photo(), "JPEG", quality=100, subsampling=0, exif=exif), LIMITS)
    assert sideways.size == (40, 60)


def test_equal_pixels_give_equal_png_bytes_whatever_their_file_said() -> None:
    plain = photo()
    noted = read_image(encoded(photo(), "PNG", dpi=(300, 300), icc_profile=b"profile"), LIMITS)
    noted.info["comment"] = "from the camera"
    assert encode_png(plain) == encode_png(noted)
    assert read_image(encode_png(plain), LIMITS).tobytes() == plain.tobytes()
