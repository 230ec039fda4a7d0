"""Files built to keep a decoder busy: told by their structure, before anything is decoded.

Pillow reads what surrounds the pixels piece by piece, in Python, and some of it in time that grows with the square of
the pieces. A file of allowed size can hold millions of them; what cameras and programs write holds thousands.
"""

import re
import struct
from collections.abc import Callable

MAX_SCANS = 100
"""A progressive JPEG file decodes all its pixels once a scan. About ten are usual."""
MAX_SEGMENTS = 2_000
"""Of a JPEG file, each of up to 64 kB."""
MAX_PIECES = 20_000
"""Chunks of a PNG file; strips or tiles of a TIFF file; of a GIF file, blocks of notes and short blocks of pixels."""
MAX_RUN_LENGTH_BYTES = 2_000_000
"""Of a BMP file in run lengths, which Pillow decodes in Python."""

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""Of a JPEG segment: no stuffed or filling byte, and no restart inside a scan."""
_SCAN, _END = 0xDA, 0xD9
_BARE = (0x01, 0xD8)
"""Markers without a length behind them."""
_COUNTED_TAGS = (258, 273, 279, 324, 325, 338, 339)
"""Of a TIFF file: what lists offsets and lengths of strips and tiles, and depths of samples."""
_GIF_PART = re.compile(rb"[!,;]")
"""Begins notes, a frame or the end."""
_SHORT_BLOCK = 128
"""Blocks of a GIF frame hold 255 bytes, but for the last."""


def is_laborious(data: bytes) -> bool:
    """Whether an image file asks for much more work than its pixels do; of a damaged file, as far as it can be told."""
    for head, check in _CHECKS.items():
        if data.startswith(head):
            try:
                return check(data)
            except (IndexError, struct.error):
                return False
    return False


def _jpeg(data: bytes) -> bool:
    scans, segments, at = 0, 0, 2
    while scans <= MAX_SCANS and segments <= MAX_SEGMENTS and (found := _MARKER.search(data, at)):
        kind, at = data[found.end() - 1], found.end()
        if kind == _END:
            return False
        scans, segments = scans + (kind == _SCAN), segments + 1
        at += 0 if kind in _BARE else int.from_bytes(data[at : at + 2], "big")
    return scans > MAX_SCANS or segments > MAX_SEGMENTS


def _png(data: bytes) -> bool:
    chunks, at = 0, 8
    while chunks <= MAX_PIECES and at < len(data):
        chunks, at = chunks + 1, at + 12 + int.from_bytes(data[at : at + 4], "big")
    return chunks > MAX_PIECES


def _gif(data: bytes) -> bool:
    pieces, frames, at = 0, 0, 13 + _palette_bytes(data[10])
    while pieces <= MAX_PIECES and (found := _GIF_PART.search(data, at)):
        pieces, at = pieces + found.start() - at, found.end()
        frames += found[0] == b","
        if found[0] == b";" or frames > 1:
            break
        is_note = found[0] == b"!"
        at += 1 if is_note else 10 + _palette_bytes(data[at + 8])
        while pieces <= MAX_PIECES and (size := data[at]):
            pieces, at = pieces + (is_note or size < _SHORT_BLOCK), at + 1 + size
        at += 1
    return pieces > MAX_PIECES


def _palette_bytes(flags: int) -> int:
    return 3 << (flags % 8 + 1) if flags & 0x80 else 0


def _tiff(data: bytes) -> bool:
    order = "<" if data.startswith(b"II") else ">"
    is_big = 43 in data[2:4]
    start, count, entry = ("8xQ", "Q", "HHQ8x") if is_big else ("4xI", "H", "HHI4x")
    (first,) = struct.unpack_from(order + start, data)
    (entries,) = struct.unpack_from(order + count, data, first)
    if entries > MAX_PIECES:
        return True
    first += struct.calcsize(order + count)
    size = struct.calcsize(order + entry)
    tags = struct.iter_unpack(order + entry, data[first : first + entries * size])
    return any(tag in _COUNTED_TAGS and values > MAX_PIECES for tag, _, values in tags)


def _bmp(data: bytes) -> bool:
    return len(data) > MAX_RUN_LENGTH_BYTES and data[30] in (1, 2)


_CHECKS: dict[bytes, Callable[[bytes], bool]] = {
    b"\xff\xd8": _jpeg,
    b"\x89PNG": _png,
    b"GIF8": _gif,
    b"II": _tiff,
    b"MM": _tiff,
    b"BM": _bmp,
}
"""By the first bytes of a file."""
