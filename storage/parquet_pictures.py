"""Pictures in parquet files, as datasets of Hugging Face hold them: a column of bytes, or of ``{bytes, path}``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from storage.files import open_file
from viper.errors import PoolError, UnusableImage
from viper.pictures import UNREADABLE

_COLUMN = "image"
"""Of several columns that hold pictures, the one of this name."""


def list_pictures(uri: str) -> Iterator[str]:
    """The places of a parquet file's pictures, in its order: ``GROUP.ROW``, each counted from 0. The footer is read.

    Raises:
        PoolError: It is no parquet file, or no column holds pictures.
        StoreError: It cannot be read.
    """
    with _opened(uri) as parquet:
        _column(uri, parquet)
        for group in range(parquet.metadata.num_row_groups):
            for row in range(parquet.metadata.row_group(group).num_rows):
                yield f"{group}.{row}"


class ParquetReader:
    """Reads pictures one after the other: in the order of the file, each row is read once, one in memory."""

    def __init__(self) -> None:
        self._at: tuple[str, int] | None = None
        self._next_row = 0
        self._rows: Iterator[Any] = iter(())

    def read_picture(self, uri: str, place: str, max_bytes: int) -> bytes:
        """The bytes of a picture: of one larger than ``max_bytes``, just enough to see that it is.

        Raises:
            UnusableImage: The row holds none, or cannot be read.
            StoreError: The file cannot be read.
        """
        group, row = map(int, place.split("."))
        if self._at != (uri, group) or row < self._next_row:
            self._rows, self._at, self._next_row = _pictures(uri, group), (uri, group), 0
        try:
            while self._next_row <= row:
                cell = next(self._rows)
                self._next_row += 1
        except (StopIteration, PoolError) as error:
            self._at = None
            raise UnusableImage(UNREADABLE) from error
        except BaseException:
            self._at = None
            raise
        data = cell.get("bytes") if isinstance(cell, dict) else cell
        if not data:
            raise UnusableImage(UNREADABLE)
        return bytes(data[: max_bytes + 1])


def _pictures(uri: str, group: int) -> Iterator[Any]:
    """The cells of the pictures' column in a row group."""
    with _opened(uri) as parquet:
        column = _column(uri, parquet)
        for batch in parquet.iter_batches(batch_size=1, row_groups=[group], columns=[column]):
            yield from batch.column(0).to_pylist()


@contextmanager
def _opened(uri: str) -> Iterator[Any]:
    import pyarrow
    import pyarrow.parquet

    damage = pyarrow.ArrowException  # a reader may be closed as late as at the end of the process
    with open_file(uri) as file:
        try:
            yield pyarrow.parquet.ParquetFile(file, pre_buffer=False)
        except damage as error:
            raise PoolError(f"{uri} cannot be read as parquet: {error}. Fetch it again, or take it away.") from error


def _column(uri: str, parquet: Any) -> str:
    """The name of the column that holds pictures."""
    import pyarrow.types as kinds

    schema = parquet.schema_arrow
    holding = [
        field.name
        for field in schema
        if kinds.is_binary(field.type)
        or kinds.is_large_binary(field.type)
        or (kinds.is_struct(field.type) and field.type.get_field_index("bytes") >= 0)
    ]
    if len(holding) == 1 or _COLUMN in holding:
        return _COLUMN if _COLUMN in holding else holding[0]
    raise PoolError(
        f"{uri} has {len(holding)} columns that hold pictures ({', '.join(holding) or 'none'}) among "
        f"{', '.join(schema.names)[:200]}. Expected one column of bytes or {{bytes, path}}, or one named {_COLUMN!r}."
    )
