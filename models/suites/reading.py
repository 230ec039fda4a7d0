"""Rows of benchmark files as Hugging Face's parquet holds them, and what both kinds of files share.

Files may be many gigabytes: rows come one at a time. ``models.suites.tsv`` reads VLMEvalKit's files.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from viper.errors import SuiteError

BROKEN = "broken row"
"""Key under which a row carries the reason why it cannot be read."""
_PARQUET_ROWS = 16
"""Rows of a parquet file in memory."""

_OPTION_LINE = re.compile(r"^[ \t]*\(?([A-H])[).:][ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_OPTION_IN_LINE = re.compile(r"(?:^|,)\s*([A-H]):\s+")


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
    """Accept a file that has the expected columns, each column once.

    Raises:
        SuiteError: It lacks some, or names one twice.
    """
    missing = [column for column in expected if column not in found]
    if missing:
        listed = ", ".join(map(str, found)) or "nothing"
        raise SuiteError(
            f"{name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}. Found: {listed}. "
            "Expected VLMEvalKit's file or the dataset's own parquet."
        )
    twice = sorted({column for column in found if found.count(column) > 1})
    if twice:
        raise SuiteError(f"{name} has the column {', '.join(twice)} more than once. Leave one of them.")


def cell_text(row: Mapping[str, Any], column: str) -> str:
    """A cell as text without the spaces around it; empty where it is missing, null or not a number (NaN)."""
    value = row.get(column)
    return "" if value is None or value != value else str(value).strip()


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
