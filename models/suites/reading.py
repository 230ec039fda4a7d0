"""Rows of benchmark files, one at a time: VLMEvalKit's TSV and Hugging Face's parquet. Files may be many gigabytes."""

import base64
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from viper.errors import SuiteError

MAX_IMAGE_BYTES = 50_000_000
"""Largest image file in a row."""
_MAX_CELL_CHARACTERS = 4 * MAX_IMAGE_BYTES
BROKEN = "broken row"
"""Key under which a row carries the reason why it cannot be read."""
_PARQUET_ROWS = 16
"""Rows of a parquet file in memory."""
_REFERENCE_CHARACTERS = 64
"""As in VLMEvalKit: a shorter image cell is the index of the row that holds the image."""

_OPTION_LINE = re.compile(r"^[ \t]*\(?([A-H])[).:][ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_OPTION_IN_LINE = re.compile(r"(?:^|,)\s*([A-H]):\s+")


def read_tsv(file: IO[str], name: str, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The rows of a TSV file. One with too few or too many columns says so under ``BROKEN``.

    Raises:
        SuiteError: A column is missing, or the text is no TSV.
    """
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    reader = csv.DictReader(file, delimiter="\t", restkey=BROKEN)
    try:
        check_columns(name, reader.fieldnames or (), columns)
        for row in reader:
            if BROKEN in row or None in row.values():
                amount = "more" if BROKEN in row else "fewer"
                row[BROKEN] = f"it has {amount} columns than the header"
            yield row
    except (csv.Error, UnicodeDecodeError) as error:
        raise SuiteError(
            f"{name}, line {reader.line_num + 1}: {error}. Expected tab-separated UTF-8 text as VLMEvalKit publishes "
            "it. Fetch the file again."
        ) from error


def read_parquet(file: IO[bytes], name: str, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The rows of a parquet file, a few in memory at a time.

    Raises:
        SuiteError: A column is missing, or the file is no parquet.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        parquet = pyarrow.parquet.ParquetFile(file)
        check_columns(name, parquet.schema_arrow.names, columns)
        for batch in parquet.iter_batches(batch_size=_PARQUET_ROWS):
            yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise SuiteError(f"{name} cannot be read as parquet: {error}. Fetch the file again.") from error


def check_columns(name: str, found: Sequence[str], expected: Sequence[str]) -> None:
    """Accept a file that has the expected columns.

    Raises:
        SuiteError: It lacks some.
    """
    missing = [column for column in expected if column not in found]
    if missing:
        listed = ", ".join(map(str, found)) or "nothing"
        raise SuiteError(
            f"{name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}. Found: {listed}. "
            "Expected VLMEvalKit's file or the dataset's own parquet."
        )


def image_cells(row: Mapping[str, Any]) -> list[str | bytes]:
    """The images of a row in VLMEvalKit's layout: bytes, or the index of the row that holds them; empty if it has none.

    ``image`` is base64, a list of base64, another row's index, bytes, or a struct or list of structs with ``bytes``.

    Raises:
        ValueError: It is none of these, or too large.
    """
    cell = row.get("image")
    if cell is None or cell == "":
        return []
    if isinstance(cell, str) and cell.startswith("["):
        # VLMEvalKit writes lists as Python or JSON does. No quote, comma or bracket is a base64 digit.
        cell = re.findall(r"[^\s\[\]'\",]+", cell)
    return [_image(one) for one in (cell if isinstance(cell, list) else [cell]) if one is not None]


def _image(cell: Any) -> str | bytes:
    if isinstance(cell, Mapping):
        cell = cell.get("bytes")
    if isinstance(cell, str) and len(cell) <= _REFERENCE_CHARACTERS:
        return cell
    if not isinstance(cell, str | bytes):
        raise ValueError(f"an image is a {type(cell).__name__}; expected base64 text or bytes")
    if len(cell) > (MAX_IMAGE_BYTES * 4 // 3 if isinstance(cell, str) else MAX_IMAGE_BYTES):
        raise ValueError(f"an image is larger than {MAX_IMAGE_BYTES:,} bytes")
    return base64.b64decode(cell, validate=True) if isinstance(cell, str) else cell


def split_options(question: str) -> tuple[str, tuple[str, ...]]:
    """Stem and options of a question that lists its options itself, one a line or as ``Options: A: …, B: …``.

    Without at least two options in the order of their letters, the whole question and none.
    """
    stem, word, rest = question.partition("Options:")
    if word:
        pieces = _OPTION_IN_LINE.split(rest.strip())
        if len(pieces) >= 5 and _in_order(pieces[1::2]):
            return stem.strip(), tuple(piece.strip().rstrip(",").strip() for piece in pieces[2::2])
    lines = list(_OPTION_LINE.finditer(question))
    if len(lines) >= 2 and _in_order([line[1] for line in lines]):
        return question[: lines[0].start()].strip(), tuple(line[2] for line in lines)
    return question.strip(), ()


def _in_order(letters: Sequence[str]) -> bool:
    return all(letter == chr(ord("A") + number) for number, letter in enumerate(letters))
