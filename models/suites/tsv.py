"""VLMEvalKit's TSV files, row by row: a broken row is named, and the rows after it are read.

Files have gigabytes, so one row at a time is in memory. The hard case is a quotation mark that a cell opens and nothing
closes: read by the letter of the format, it swallows the rows after it up to the next mark. A cell may also span lines
rightly. Both are told apart by what the lines look like alone (``_span``).
"""

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from models.suites.reading import BROKEN, check_columns
from viper.errors import SuiteError

MAX_ROW_CHARACTERS = 200_000_000
"""Longest row: several pictures of ``viper.pictures.MAX_BENCHMARK_BYTES`` in base64."""


@dataclass(frozen=True)
class _Line:
    """A line of the file with its end, or its beginning if it is longer than a row may be."""

    number: int
    text: str
    cut: bool = False


class _Lines:
    """The lines of a file, and back again."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._read = file, 0
        self._returned: deque[_Line] = deque()

    def next(self) -> _Line | None:
        """The next line, ``None`` at the end of the file."""
        if self._returned:
            return self._returned.popleft()
        text = end = self._file.readline(MAX_ROW_CHARACTERS)
        while end and not end.endswith(("\n", "\r")):
            end = self._file.readline(MAX_ROW_CHARACTERS)
        self._read += 1
        return _Line(self._read, text, cut=len(text) == MAX_ROW_CHARACTERS and end is not text) if text else None

    def next_row(self) -> _Line | None:
        """The next line in which something stands."""
        while (line := self.next()) and not line.text.strip("\r\n"):
            pass
        return line

    def give_back(self, lines: Sequence[_Line]) -> None:
        """Lines that will come again."""
        self._returned.extendleft(reversed(lines))


def read_tsv(file: IO[str], name: str, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The rows of a TSV file. One that cannot be read says why under ``BROKEN`` and has its ``index`` alone.

    Args:
        file: Text, opened with ``newline=""``, and with ``errors="surrogateescape"``: what is no UTF-8 then breaks its
            row alone.
        name: Of the file, for errors.
        columns: That it must have. ``image_path`` may stand in the place of ``image``.

    Raises:
        SuiteError: A column is missing or named twice, or the text is no TSV.
    """
    lines = _Lines(file)
    header = _header(lines, name, columns)
    while line := lines.next_row():
        cells = _row(line, lines, len(header))
        if isinstance(cells, str):
            first = line.text.partition("\t")[0][:40].strip('\r\n"')
            yield {"index": first, BROKEN: f"line {line.number}: {cells}"}
        else:
            yield dict(zip(header, cells, strict=True))


def read_header(file: IO[str], name: str, columns: Sequence[str]) -> list[str]:
    """The columns of a TSV file. Arguments and errors are those of ``read_tsv``."""
    return _header(_Lines(file), name, columns)


def _header(lines: _Lines, name: str, columns: Sequence[str]) -> list[str]:
    line = lines.next_row()
    header = _names(line) if line else []
    if header is None:
        raise SuiteError(
            f"{name} does not begin with the names of columns. Expected tab-separated UTF-8 text in VLMEvalKit's form. "
            "Fetch the file again."
        )
    if "image" not in header and "image_path" in header:
        columns = ["image_path" if column == "image" else column for column in columns]
    check_columns(name, header, columns)
    return header


def _names(line: _Line) -> list[str] | None:
    """The columns that a line names, ``None`` if it names none."""
    if line.cut:
        return None
    try:
        names = _whole(line.text.lstrip("\ufeff"))
    except csv.Error:
        return None
    return names if names and not _unreadable(names) else None


def _row(line: _Line, lines: _Lines, width: int) -> list[str] | str:
    """The cells of the row that begins with a line, or why it has none. Takes the lines that belong to it."""
    if line.cut:
        return f"it is longer than {MAX_ROW_CHARACTERS:,} characters"
    try:
        cells = _whole(line.text)
    except csv.Error as error:
        return str(error)
    if cells is None:
        cells = _span(line, lines, width)
    if cells is None:
        return "it opens a quotation mark and does not close it"
    if reason := _unreadable(cells):
        return reason
    if len(cells) != width:
        return f"it has {'more' if len(cells) > width else 'fewer'} columns than the header, {len(cells)} of {width}"
    return cells


def _whole(text: str) -> list[str] | None:
    """The cells of a text, ``None`` if it ends within quotation marks."""
    # The reader asks for a second line only where a quotation mark of the first is still open.
    reader = csv.reader([text, ""], delimiter="\t")
    cells = _next(reader)
    return cells if reader.line_num == 1 else None


def _next(reader: Iterator[list[str]]) -> list[str]:
    """The next row of a reader, whose cells may be as long as a row. The limit is the process's, so it is put back."""
    before = csv.field_size_limit(MAX_ROW_CHARACTERS)
    try:
        return next(reader)
    finally:
        csv.field_size_limit(before)


def _span(line: _Line, lines: _Lines, width: int) -> list[str] | None:
    """The cells of a row over several lines, ``None`` if its quotation mark is one that nothing was meant to close.

    So it is if more than the end of a cell follows the mark that would close it, if a line that it would swallow is a
    row by itself (one without any mark, or, where the first line has all columns already, any row), or if it would have
    more cells than there are columns. A line that begins such a row and is swallowed by the one before adds a cell to
    it, so no line is read for more rows than there are columns.
    """
    taken: list[_Line] = []
    complete = line.text.count("\t") == width - 1

    def texts() -> Iterator[str]:
        size, cells = len(line.text), _cells(line.text)
        yield line.text
        while one := lines.next():
            taken.append(one)
            size += len(one.text)
            cells += _cells('"' + one.text) - 1
            too_much = one.cut or size > MAX_ROW_CHARACTERS or cells > width
            if too_much or _is_row(one.text, width, marks=complete):
                return
            yield one.text

    try:
        cells = _next(csv.reader(texts(), delimiter="\t", strict=True))
    except csv.Error:
        cells = None
    if cells is None or (complete and len(cells) != width):
        lines.give_back(taken)
        return None
    return cells


def _cells(text: str) -> int:
    """How many cells a text has, the open one at its end among them."""
    return len(_next(csv.reader([text], delimiter="\t")))


def _is_row(text: str, width: int, marks: bool) -> bool:
    """Whether a line is a row by itself, with quotation marks or without."""
    if text.count("\t") < width - 1 or width == 1 or ('"' in text and not marks):
        return False
    try:
        cells = _next(csv.reader([text], delimiter="\t", strict=True))
    except csv.Error:
        return False
    return len(cells) == width


def _unreadable(cells: Sequence[str]) -> str:
    """Why cells are no text, empty if they are."""
    for cell in cells:
        if "\0" in cell:
            return "it holds a NUL character"
        if not cell.isascii():
            try:
                cell.encode()
            except UnicodeEncodeError:
                return "it is not UTF-8"
    return ""
