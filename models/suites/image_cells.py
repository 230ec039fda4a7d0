"""What stands in a row for its pictures: bytes, base64, lists of them, the index of another row, paths."""

import base64
import re
from collections.abc import Mapping
from typing import Any

from viper.pictures import MAX_BENCHMARK_BYTES

_REFERENCE_CHARACTERS = 64
"""As in VLMEvalKit: a shorter image cell is the index of the row that holds the image."""
_SPACE = b" \t\r\n\v\f"
_STANDARD_ALPHABET = bytes.maketrans(b"-_", b"+/")
_DATA_ADDRESS = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
_ELEMENT = re.compile(r"'([^']*)'|\"([^\"]*)\"|([^\s\[\]'\",]+)")
"""An element of a list as Python or JSON writes it. No quotation mark, comma or bracket is a base64 digit."""
_ESCAPED_SPACE = re.compile(r"\\+[nrt]")


def image_cells(row: Mapping[str, Any]) -> list[str | bytes]:
    """The images of a row in VLMEvalKit's layout: bytes, or the index of the row that holds them; empty if it has none.

    ``image`` is base64, a list of base64, another row's index, bytes, or a struct or list of structs with ``bytes``.
    Base64 may be a ``data:`` address, broken into lines, in the alphabet of addresses (``-_``), or without its ``=``.

    Raises:
        ValueError: It is none of these, or too large.
    """
    cell = row.get("image")
    if isinstance(cell, str):
        cell = _listed(cell)
    found = (_image(one) for one in (cell if isinstance(cell, list) else [cell]) if one is not None and one == one)
    return [one for one in found if one]


def image_paths(row: Mapping[str, Any]) -> list[str]:
    """The paths of a row's pictures, from its column ``image_path``: one, or a list as Python or JSON writes it."""
    cell = row.get("image_path")
    return [str(one) for one in (cell if isinstance(cell, list) else _listed(str(cell or ""))) if one]


def _listed(cell: str) -> list[str]:
    """The elements of a list in a cell, or the cell alone."""
    cell = cell.strip()
    if not (cell.startswith("[") and cell.endswith("]")):
        return [cell]
    return ["".join(groups).replace("\\/", "/").strip() for groups in _ELEMENT.findall(cell)]


def _image(cell: Any) -> str | bytes:
    if isinstance(cell, Mapping):
        cell = cell.get("bytes")
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, bytes):
        return _bounded(cell)
    if not isinstance(cell, str):
        raise ValueError(f"an image is a {type(cell).__name__}; expected base64 text or bytes")
    text = cell.strip()
    address = _DATA_ADDRESS.match(text)
    if not address and len(text) <= _REFERENCE_CHARACTERS:
        return text
    return _bounded(_decoded(text[address.end() :] if address else text))


def _decoded(text: str) -> bytes:
    """The bytes of a base64 text.

    Raises:
        ValueError: It is none.
    """
    try:
        digits = _ESCAPED_SPACE.sub("", text).encode("ascii").translate(_STANDARD_ALPHABET, _SPACE).rstrip(b"=")
        return base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except ValueError as error:
        raise ValueError(f"an image is no base64 text: {error}") from error


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_BENCHMARK_BYTES:
        raise ValueError(f"an image is larger than {MAX_BENCHMARK_BYTES:,} bytes")
    return data
