"""Small valid picture files of every accepted format and mode, and damage to them drawn from a seed."""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import Image

SIZE = (13, 11)
PNG_HEAD = b"\x89PNG\r\n\x1a\n"
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row, and steps between columns and rows, of each pass."""
MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("1", "L", "P"),
    "BMP": ("1", "L", "P", "RGB"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "I;16", "I;16B", "I", "F"),
}
EXTREMES = (0, 1, 2, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.copy().save(buffer, form, **options)  # Pillow leaves settings of an encoder on what it saves
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG file, with its checksum."""
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def png_file(
    width: int,
    height: int,
    rows: bytes,
    *,
    depth: int = 8,
    color: int = 2,
    interlaced: bool = False,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A PNG file by its standard: ``rows`` of samples, each behind its filter's byte.

    Args:
        width: In pixels.
        height: In pixels.
        rows: Of the picture or, interlaced, of its passes.
        depth: Bits a sample.
        color: 0 gray, 2 RGB, 3 palette, 4 gray with alpha, 6 RGBA.
        interlaced: By Adam7.
        before: Chunks before the pixels.
        after: Chunks behind them.
    """
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return PNG_HEAD + chunk(b"IHDR", header) + before + pixels + after + chunk(b"IEND", b"")


def interlaced_png(image: Image.Image) -> bytes:
    """An RGB picture as Adam7 sends it: seven smaller pictures."""
    width, height = image.size
    rows = b""
    for left, top, right, down in ADAM7:
        columns = range(left, width, right)
        for y in range(top, height, down) if columns else ():
            rows += b"\0" + b"".join(bytes(image.getpixel((x, y))) for x in columns)  # type: ignore[arg-type]
    return png_file(width, height, rows, interlaced=True)


def sample(mode: str) -> Image.Image:
    """A picture with every shade of its mode."""
    gradient = Image.linear_gradient("L").resize(SIZE)
    if mode in ("I;16", "I;16B", "I", "F"):
        return gradient.convert("I").point(lambda shade: shade * 257).convert(mode)
    colors = Image.merge("RGB", (gradient, gradient.rotate(180), Image.new("L", SIZE, 90)))
    if mode == "LAB":
        return Image.merge("LAB", colors.split())
    if mode in ("LA", "RGBA"):
        with_alpha = colors.convert("RGBA")
        with_alpha.putalpha(gradient)
        return with_alpha.convert(mode)
    return colors.convert(mode)


def valid_files() -> dict[str, bytes]:
    """Files by what they are."""
    found = {f"{form} {mode}": encoded(sample(mode), form) for form, modes in MODES.items() for mode in modes}
    rgb, exif = sample("RGB"), Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    for form in ("PNG", "JPEG", "WEBP"):
        found[f"{form} with notes"] = encoded(rgb, form, exif=exif, icc_profile=bytes(range(200)))
    found["PNG interlaced"] = interlaced_png(rgb)
    found["PNG 16 bits"] = png_file(4, 4, (b"\0" + bytes(range(24))) * 4, depth=16)
    found["PNG 16 bits with alpha"] = png_file(4, 4, (b"\0" + bytes(range(32))) * 4, depth=16, color=6)
    key = chunk(b"tRNS", b"\1\2")
    found["PNG gray key"] = png_file(4, 4, (b"\0" + bytes(range(8))) * 4, depth=16, color=0, before=key)
    found["PNG color key"] = encoded(rgb, transparency=(0, 0, 0))
    found["PNG palette with alpha"] = encoded(sample("P"), transparency=bytes(range(256)))
    found["PNG text"] = png_file(4, 4, bytes(52), before=chunk(b"zTXt", b"a\0\0" + zlib.compress(b"text" * 99)))
    found["JPEG progressive"] = encoded(rgb, "JPEG", progressive=True)
    found["JPEG subsampled"] = encoded(rgb, "JPEG", subsampling=2, quality=40, restart_marker_blocks=1)
    found["MPO"] = encoded(rgb, "MPO", save_all=True, append_images=[rgb.rotate(180)])
    found["WEBP lossless"] = encoded(sample("RGBA"), "WEBP", lossless=True)
    found["GIF transparent"] = encoded(sample("P"), "GIF", transparency=3, interlace=1)
    for form in ("PNG", "GIF", "WEBP", "TIFF"):
        found[f"{form} of two"] = encoded(rgb, form, save_all=True, append_images=[rgb.rotate(180)])
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma"):
        found[f"TIFF {compression}"] = encoded(rgb, "TIFF", compression=compression)
    found["TIFF fax"] = encoded(sample("1"), "TIFF", compression="group4")
    return found


def mutants(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Damaged files, each with the name of the file that it was."""
    draws, files = random.Random(seed), valid_files()
    names = list(files)
    for _ in range(count):
        name = draws.choice(names)
        data = bytearray(files[name])
        for _ in range(draws.choice((1, 1, 2, 4))):
            data = draws.choice(MUTATIONS)(draws, data, files[draws.choice(names)])
        if data.startswith(PNG_HEAD) and draws.random() < 0.7:
            data = with_right_checksums(data)
        yield name, bytes(data)


Mutation = Callable[[random.Random, bytearray, bytes], bytearray]


def flip_bits(draws: random.Random, data: bytearray, other: bytes) -> bytearray:
    for _ in range(draws.randint(1, 8) if data else 0):
        data[_place(draws, data)] ^= 1 << draws.randrange(8)
    return data


def overwrite(draws: random.Random, data: bytearray, other: bytes) -> bytearray:
    start, length = _place(draws, data), draws.randint(1, 40)
    data[start : start + length] = draws.choice((bytes(length), b"\xff" * length, draws.randbytes(length)))
    return data


def truncate(draws: random.Random, data: bytearray, other: bytes) -> bytearray:
    return data[: draws.randint(0, len(data))]


def insert(draws: random.Random, data: bytearray, other: bytes) -> bytearray:
    start = draws.randint(0, len(data))
    data[start:start] = draws.randbytes(draws.randint(1, 200))
    return data


def remove(draws: random.Random, data: bytearray, other: bytes) -> bytearray:
    start = _place(draws, data)
    del data[start : start + draws.randint(1, 60)]
    return data


def splice(draws: random.Random, data: bytearray, other: bytes) -> bytearray:
    first, last = sorted((draws.randint(0, len(other)), draws.randint(0, len(other))))
    start = draws.randint(0, len(data))
    data[start : start + draws.choice((0, last - first))] = other[first:last]
    return data


def edit_number(draws: random.Random, data: bytearray, other: bytes) -> bytearray:
    """A number of two or four bytes, such as a length, an offset or a side, becomes an extreme one."""
    size, start = draws.choice((2, 4)), _place(draws, data)
    value = draws.choice((*EXTREMES, draws.randrange(2**16))) % 256**size
    data[start : start + size] = value.to_bytes(size, draws.choice(("big", "little")))
    return data


def edit_sides(draws: random.Random, data: bytearray, other: bytes) -> bytearray:
    """Width or height, where the format keeps it, becomes another."""
    side = draws.choice((*EXTREMES, draws.randint(1, 3000)))
    if data.startswith(PNG_HEAD):
        start, kind = draws.choice((16, 20)), ">I"
    elif data.startswith(b"GIF"):
        start, kind = draws.choice((6, 8)), "<H"
    elif data.startswith(b"BM"):
        start, kind = draws.choice((18, 22)), "<I"
    elif data.startswith(b"\xff\xd8"):
        frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        start, kind = frame + draws.choice((5, 7)), ">H"
    elif data.startswith(b"RIFF"):
        start, kind = draws.choice((24, 26, 27, 28)), "<H"
    else:
        entry = max(0, data.find(draws.choice((b"\x00\x01\x04\x00", b"\x01\x01\x04\x00"))))
        start, kind = entry + 8, "<I"
    number = struct.pack(kind, side % 256 ** struct.calcsize(kind))
    data[start : start + len(number)] = number
    return data


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    overwrite,
    truncate,
    insert,
    remove,
    splice,
    edit_number,
    edit_number,
    edit_sides,
    edit_sides,
)


def with_right_checksums(png: bytearray) -> bytearray:
    """The chunks as they are, each with the checksum that lets it pass."""
    start = len(PNG_HEAD)
    while start + 12 <= len(png):
        end = start + 8 + int.from_bytes(png[start : start + 4], "big")
        if end + 4 > len(png):
            break
        png[end : end + 4] = zlib.crc32(png[start + 4 : end]).to_bytes(4, "big")
        start = end + 4
    return png


def _place(draws: random.Random, data: bytearray) -> int:
    """A place, most often near the beginning, where the headers are."""
    if not data:
        return 0
    return draws.randrange(min(len(data), 120) if draws.random() < 0.6 else len(data))
