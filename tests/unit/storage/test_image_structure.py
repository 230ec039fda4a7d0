"""Files that would keep a decoder busy for minutes are refused at once, and what merely is unusual is read."""

import struct
import time
import tracemalloc
import zlib

import pytest
from PIL import Image

from storage.image_structure import is_laborious
from storage.images import inspect_image
from tests.unit.storage.picture_files import chunk, encoded, png_file, sample, valid_files
from viper.pictures import ImageLimits

LIMITS = ImageLimits(max_pixels=1_000_000, max_bytes=50_000_000, min_side_px=3, max_aspect=200)
GIF = encoded(sample("P"), "GIF")
JPEG = encoded(sample("RGB"), "JPEG")
PROGRESSIVE = encoded(Image.new("L", (700, 700)), "JPEG", progressive=True)


def jpeg_of_scans(count: int) -> bytes:
    """The last scan, sent again and again."""
    last = PROGRESSIVE.rindex(b"\xff\xda")
    return PROGRESSIVE[:-2] + PROGRESSIVE[last:-2] * (count - PROGRESSIVE.count(b"\xff\xda")) + PROGRESSIVE[-2:]


def jpeg_of_segments(count: int) -> bytes:
    return JPEG[:2] + b"\xff\xe1\0\x0cExif\0\0note" * count + JPEG[2:]


def gif_with(blocks: bytes) -> bytes:
    """The palette's end is where the frame, or what stands before it, begins."""
    start = 13 + 3 * 2 ** (GIF[10] % 8 + 1)
    return GIF[:start] + blocks + GIF[start:]


def tiff_of(*entries: tuple[int, int, int, int], is_big: bool = False) -> bytes:
    """A TIFF file with tags alone: each with its type, number of values and value."""
    kind = "<HHQQ" if is_big else "<HHII"
    head = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, len(entries)) if is_big else b"II*\0\x08\0\0\0"
    head += b"" if is_big else struct.pack("<H", len(entries))
    return head + b"".join(struct.pack(kind, *entry) for entry in sorted(entries)) + bytes(8)


def rows_of(count: int) -> bytes:
    """A sound TIFF file in strips of one row."""
    sides = [(256, 4, 1, 9), (257, 4, 1, count), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (278, 4, 1, 1)]
    lists = 8 + 2 + 12 * (len(sides) + 2) + 8
    file = tiff_of(*sides, (273, 4, count, lists), (279, 4, count, lists + 4 * count))
    first = lists + 8 * count
    offsets = [first + 9 * row for row in range(count)]
    return file + struct.pack(f"<{count}I", *offsets) + struct.pack("<I", 9) * count + bytes(9 * count)


def run_lengths(row: bytes) -> bytes:
    """A BMP file of 90 x 90 pixels in run lengths."""
    header = struct.pack("<IiiHHIIiiII", 40, 90, 90, 1, 8, 1, 0, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 40 + 1024) + header + bytes(1024) + row * 90 + b"\0\1"


BUSY = {
    "scans": jpeg_of_scans(5_000),
    "scans behind a bare marker": PROGRESSIVE[:2] + b"\xff\x01" + jpeg_of_scans(5_000)[2:],
    "segments": jpeg_of_segments(300_000),
    "chunks": png_file(4, 4, bytes(52), after=chunk(b"abCd", b"") * 300_000),
    "notes": gif_with(b"!\xfe" + b"\1a" * 1_000_000 + b"\0"),
    "long notes": gif_with(b"!\xfe" + (b"\xff" + bytes(255)) * 100_000 + b"\0"),
    "many notes": gif_with(b"!\xfe\1a\0" * 300_000),
    "rubbish before the frame": gif_with(bytes(5_000_000)),
    "short blocks": GIF[: -GIF[::-1].index(b"\0", 1) - 1] + b"\1a" * 1_000_000,
    "strips": tiff_of((256, 4, 1, 9), (273, 4, 10**6, 60)) + bytes(4 * 10**6),
    "strips of a large file": tiff_of((256, 4, 1, 9), (273, 16, 10**6, 60), is_big=True) + bytes(8 * 10**6),
    "tags": b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 10**6) + bytes(20 * 10**6),
    "run lengths": run_lengths(b"\x01\x05" * 100_000),
}


@pytest.mark.parametrize("name", BUSY)
def test_a_file_built_to_keep_a_decoder_busy_is_refused_at_once(name: str) -> None:
    began = time.perf_counter()
    assert inspect_image(BUSY[name], LIMITS) == "unsupported"
    assert time.perf_counter() - began < 1


def test_no_sound_file_is_taken_for_one() -> None:
    assert [name for name, data in valid_files().items() if is_laborious(data)] == []
    usual = [
        jpeg_of_scans(60),
        JPEG + jpeg_of_scans(5_000),  # what lies behind the end is not read
        jpeg_of_segments(300),
        encoded(Image.effect_noise((300, 300), 99), "JPEG", quality=95, restart_marker_blocks=1),
        encoded(Image.effect_noise((300, 300), 99), "GIF"),
        gif_with(b"!\xfe" + (b"\xff" + bytes(255)) * 1_000 + b"\0"),
        png_file(4, 4, bytes(52), after=chunk(b"abCd", b"") * 2_000),
        rows_of(1_500),
        run_lengths(b"\x01\x05" * 90 + b"\0\0"),
    ]
    assert [inspect_image(data, LIMITS) for data in usual] == [None] * len(usual)


@pytest.mark.parametrize("head", [b"II", b"MM\0+", b"II*\0\xff\xff\xff\xff", b"GIF89a", b"BM", b"\xff\xd8", b"\x89PNG"])
def test_a_file_that_ends_too_early_is_for_the_decoder(head: bytes) -> None:
    assert not is_laborious(head)
    assert inspect_image(head, LIMITS) == "not an image"


def tiles_of(side: int) -> bytes:
    """A TIFF file of 10 x 10 pixels, in one compressed tile."""
    plain = [(256, 4, 1, 10), (257, 4, 1, 10), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1)]
    return tiff_of(*plain, (322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, 8), (325, 4, 1, 1000)) + bytes(1000)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (png_file(4, 4, bytes(52), before=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))), "not an image"),
        (png_file(4, 4, bytes(52), after=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))), "truncated"),
        (png_file(4, 4, bytes(52), before=chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(10**8)))), "not an image"),
        (png_file(4, 4, bytes(10**8)), None),
        (png_file(1000, 1000, b""), "truncated"),
        (tiles_of(12_000), "too large"),
    ],
)
def test_a_file_that_unpacks_to_much_costs_no_more_than_a_picture(data: bytes, reason: str | None) -> None:
    tracemalloc.start()
    began = time.perf_counter()
    try:
        assert inspect_image(data, LIMITS) == reason
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - began < 3
