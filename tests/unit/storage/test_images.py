"""Pool images: what is refused by name, and what the others become."""

import base64
import subprocess
import warnings

import pytest
from PIL import Image

from storage.images import encode_png, inspect_image, read_image
from tests.unit.storage.picture_files import chunk, encoded, interlaced_png, png_file
from viper.errors import PoolError
from viper.pictures import ImageLimits

LIMITS = ImageLimits(max_pixels=100_000, max_bytes=1_000_000, min_side_px=1, max_aspect=200)


WHITE = (255, 255, 255)


def rgb_of(data: bytes) -> list[tuple[int, int, int]]:
    """The pixels, row by row."""
    return list(read_image(data, LIMITS).get_flattened_data())


def photo(mode: str = "RGB") -> Image.Image:
    gradient = Image.linear_gradient("L").resize((60, 40))
    return Image.merge("RGB", (gradient, gradient.rotate(90, expand=False), gradient)).convert(mode)


def png_that_claims(width: int, height: int) -> bytes:
    return png_file(width, height, bytes(100_000))


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
    samples = bytes.fromhex("00 80ff 0100 fe01  ffff")  # a row of one pixel, and what other files hold
    gray = png_file(1, 1, samples[:3], depth=16, color=0)
    assert rgb_of(gray) == [(128, 128, 128)]
    assert rgb_of(encoded(Image.new("I;16", (1, 1), 0x80FF), "TIFF")) == [(128, 128, 128)]
    assert rgb_of(png_file(1, 1, samples[:7], depth=16)) == [(0x80, 0x01, 0xFE)]
    assert rgb_of(png_file(1, 1, samples[:9], depth=16, color=6)) == [(0x80, 0x01, 0xFE)]


def test_colors_that_stand_for_transparency_become_white() -> None:
    row = bytes.fromhex("00 0102 0103")
    assert rgb_of(png_file(2, 1, row, depth=16, color=0, before=chunk(b"tRNS", b"\1\2"))) == [WHITE, (1, 1, 1)]
    row = bytes.fromhex("00 010203 010204")
    assert rgb_of(png_file(2, 1, row, before=chunk(b"tRNS", b"\0\1\0\2\0\3"))) == [WHITE, (1, 2, 4)]
    palette = chunk(b"PLTE", bytes.fromhex("ff0000 00ff00")) + chunk(b"tRNS", b"\0")
    assert rgb_of(png_file(2, 1, b"\0\0\1", color=3, before=palette)) == [WHITE, (0, 255, 0)]
    palette_with_alpha = Image.new("PA", (1, 1))
    palette_with_alpha.putpalette(bytes(range(256)) * 3)
    assert rgb_of(encoded(palette_with_alpha, "TIFF")) == [WHITE]


@pytest.mark.parametrize(
    ("ink", "color"),
    [
        ((0, 0, 0, 0), WHITE),
        ((0, 0, 0, 255), (0, 0, 0)),
        ((255, 0, 0, 0), (0, 255, 255)),
        ((0, 255, 255, 0), (255, 0, 0)),
        ((0, 0, 255, 0), (255, 255, 0)),
    ],
)
def test_ink_is_taken_from_white_paper(ink: tuple[int, ...], color: tuple[int, int, int]) -> None:
    image = Image.new("CMYK", (8, 8), ink)
    assert rgb_of(encoded(image, "TIFF")) == [color] * 64
    # Adobe's programs keep ink upside down in JPEG files and say so; without the word of Adobe it is as it lies.
    jpeg = encoded(image, "JPEG", quality=100)
    adobe = jpeg.index(b"\xff\xee")
    assert jpeg[adobe + 4 : adobe + 9] == b"Adobe"
    assert all(abs(a - b) < 3 for pixel in rgb_of(jpeg) for a, b in zip(pixel, color, strict=True))


def test_black_and_white_and_lab_and_interlaced_pictures_keep_their_colors() -> None:
    assert rgb_of(png_file(2, 1, b"\0\x40", depth=1, color=0)) == [(0, 0, 0), WHITE]
    assert rgb_of(interlaced_png(photo())) == list(photo().get_flattened_data())
    # The red of sRGB is L 53.2, a 80.1, b 67.2.
    (red,) = set(rgb_of(encoded(Image.new("LAB", (4, 4), (136, 208, 195)), "TIFF")))
    assert all(abs(a - b) < 12 for a, b in zip(red, (255, 0, 0), strict=True))


@pytest.mark.parametrize(
    ("orientation", "upright"),
    # What EXIF says of the picture abc over def, which is kept lying in eight ways.
    list(enumerate(("abc/def", "cba/fed", "fed/cba", "def/abc", "ad/be/cf", "da/eb/fc", "fc/eb/da", "cf/be/ad"), 1)),
)
@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "XMP"])
def test_a_photo_is_turned_upright(orientation: int, upright: str, form: str) -> None:
    lying = Image.new("RGB", (3, 2))
    for number in range(6):
        lying.putpixel((number % 3, number // 3), (0, 40 * number, 255))
    exif = Image.Exif()
    exif[0x0112] = orientation
    if form == "XMP":
        note = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="{orientation}"/></x:xmpmeta>'
        text = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + note.encode())
        plain = encoded(lying)
        data = plain[:33] + text + plain[33:]
    else:
        data = encoded(lying, form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))
    image = read_image(data, LIMITS)
    shown = "".join("abcdef"[pixel[1] // 40] for pixel in image.get_flattened_data())
    rows = [shown[start : start + image.width] for start in range(0, 6, image.width)]
    assert "/".join(rows) == upright


@pytest.mark.parametrize(
    "exif",
    [
        base64.b64decode("SUkqAAgAAAACAAMBBwAEAAAAYWJjZBIBAwABAAAABgAAAAAAAAA="),
        b"",
        b"II*\0",
        b"rubbish" * 9,
        b"MM\0*\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff" + bytes(range(256)),
        # Orientations that do not exist, are no number, or are many.
        b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0\0\0\0\0\0\0",
        b"II*\0\x08\0\0\0\1\0\x12\1\2\0\4\0\0\0abc\0\0\0\0\0",
        b"II*\0\x08\0\0\0\1\0\x12\1\5\0\1\0\0\0\0\0\0\0\0\0\0\0",
        b"II*\0\x08\0\0\0\1\0\x12\1\3\0\xff\xff\xff\x7f\0\0\0\0\0\0\0\0",
    ],
)
def test_a_photo_with_malformed_exif_is_read_without_it(exif: bytes) -> None:
    for form in ("JPEG", "PNG", "WEBP"):
        head = b"Exif\0\0" if form == "JPEG" else b""
        data = encoded(photo().resize((48, 24)), form, exif=head + exif)
        assert read_image(data, LIMITS).size == (48, 24)


def test_a_color_profile_that_is_rubbish_changes_nothing() -> None:
    for form in ("PNG", "TIFF"):
        assert rgb_of(encoded(photo(), form, icc_profile=b"rubbish" * 500)) == rgb_of(encoded(photo()))


def test_of_a_photo_with_a_preview_behind_it_the_photo_is_read() -> None:
    data = encoded(photo(), "MPO", save_all=True, append_images=[photo().resize((8, 8))])
    assert read_image(data, LIMITS).size == (60, 40)


@pytest.mark.parametrize("form", ["EPS", "PDF", "PPM", "TGA", "ICO", "PCX", "SGI", "DDS", "JPEG2000", "AVIF", "ICNS"])
def test_other_formats_are_never_tried(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    if form not in Image.SAVE:
        pytest.skip(f"this Pillow writes no {form}")
    data = encoded(photo().resize((32, 32)), form)

    def started(*_: object, **__: object) -> None:
        raise KeyboardInterrupt("another program was started")

    monkeypatch.setattr(subprocess, "Popen", started)
    assert inspect_image(data, LIMITS) == "not an image"


def test_trailing_rubbish_is_not_read() -> None:
    for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP"):
        assert inspect_image(encoded(photo(), form) + b"\xff\xda" * 2000 + b"rubbish", LIMITS) is None


@pytest.mark.parametrize(
    ("size", "reason"),
    [((1, 200), None), ((201, 1), "too narrow"), ((1, 500), "too narrow"), ((1, 1), None), ((50_001, 2), "too large")],
)
def test_the_shape_is_looked_at_before_anything_is_decoded(size: tuple[int, int], reason: str | None) -> None:
    assert inspect_image(encoded(Image.new("1", size)), LIMITS) == reason
    if reason:
        assert inspect_image(encoded(Image.new("1", size))[:60], LIMITS) == reason
    small = LIMITS.model_copy(update={"min_side_px": 3})
    assert inspect_image(encoded(Image.new("1", (3, 3))), small) is None
    assert inspect_image(encoded(Image.new("1", (2, 3))), small) == "too small"


def test_warnings_of_decoders_are_not_for_people() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tiff = bytearray(encoded(photo(), "TIFF"))
        for start in range(8, len(tiff) - 8, 97):
            damaged = tiff.copy()
            damaged[start : start + 4] = b"\xff" * 4
            inspect_image(bytes(damaged), LIMITS)
        inspect_image(png_that_claims(10_000, 10_000), LIMITS)
    assert caught == []


def test_equal_pixels_give_equal_png_bytes_whatever_their_file_said() -> None:
    plain = photo()
    noted = read_image(encoded(photo(), "PNG", dpi=(300, 300), icc_profile=b"profile"), LIMITS)
    noted.info["comment"] = "from the camera"
    assert encode_png(plain) == encode_png(noted)
    assert read_image(encode_png(plain), LIMITS).tobytes() == plain.tobytes()
