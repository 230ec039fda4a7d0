"""The files of a suite that others publish: found in a folder, a bucket or on the hub, and read row by row."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import lru_cache
from hashlib import sha256
from typing import IO, Any

from models.suites.image_cells import image_paths
from models.suites.reading import BROKEN, read_parquet
from models.suites.suite import Suite
from models.suites.tsv import read_header, read_tsv
from storage.files import list_files, open_file, read_under
from storage.pool_files import SUFFIXES
from viper.errors import SuiteError
from viper.pictures import MAX_BENCHMARK_BYTES
from viper.records import Record

HUB = "hub:"
"""The address of the Hugging Face hub."""


class SuiteFiles(Record):
    """A suite in files of others."""

    files: dict[str, str]
    """Addresses in order, with what changes when a file does."""
    pictures: str = ""
    """What changes when a picture beside a TSV file does whose rows name their pictures by path; empty for others."""


def find_files(folder: str, suite: Suite) -> SuiteFiles:
    """The suite's files: one TSV file, or parquet files.

    Args:
        folder: Address of the suites' files, or ``hub:``.
        suite: Which one.

    Raises:
        SuiteError: It has none there, or the TSV file lacks a column.
    """
    if folder == HUB and not suite.hub:
        raise SuiteError(
            f"benchmarks.folder is {HUB!r}, but the suite {suite.name!r} is no dataset of the hub. Set "
            "benchmarks.folder to the folder of its file, or to the world that makes it, such as 'shapes:'."
        )
    root = f"hf://datasets/{suite.hub}" if folder == HUB else folder.rstrip("/")
    found = list_files(root)
    tsv = f"{suite.name}.tsv"
    if folder != HUB and tsv in found:
        with _open_text(f"{root}/{tsv}") as text:
            columns = read_header(text, f"{root}/{tsv}", suite.columns)
        return SuiteFiles(files={f"{root}/{tsv}": found[tsv]}, pictures="" if "image" in columns else _pictures(found))
    inside = "" if folder == HUB else f"{suite.name}/"
    chosen = [path for path in found if path.startswith(inside) and fnmatch(f"/{path[len(inside) :]}", suite.hub_files)]
    if not chosen:
        parquet = f" or the parquet files of the dataset {suite.hub} in the folder {suite.name}" if suite.hub else ""
        raise SuiteError(
            f"{root} has no files of {suite.name}. Expected {tsv} in VLMEvalKit's form{parquet}; "
            "put them there, correct benchmarks.folder, or take the suite out of benchmarks.suites."
        )
    return SuiteFiles(files={f"{root}/{path}": found[path] for path in chosen})


def read_rows(suite: Suite, source: SuiteFiles) -> Iterator[Mapping[str, Any]]:
    """The rows of a suite's files in VLMEvalKit's layout, one in memory at a time. A broken one says so.

    Raises:
        SuiteError: A file is none of the suite's.
    """
    number = 0
    for uri in source.files:
        if uri.endswith(".tsv"):
            with _open_text(uri) as text:
                rows = read_tsv(text, uri, suite.columns)
                yield from _with_pictures(rows, uri.rpartition("/")[0], suite.name) if source.pictures else rows
            continue
        with open_file(uri) as file:
            for row in read_parquet(file, uri, suite.hub_columns):
                yield _from_hub(suite, row, number)
                number += 1


@contextmanager
def _open_text(uri: str) -> Iterator[IO[str]]:
    with (
        open_file(uri) as file,
        io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text,
    ):
        yield text


def _pictures(found: Mapping[str, str]) -> str:
    listed = "\n".join(f"{path} {version}" for path, version in found.items() if path.lower().endswith(SUFFIXES))
    return sha256(listed.encode(errors="surrogateescape")).hexdigest()


def _with_pictures(rows: Iterator[Mapping[str, Any]], folder: str, suite: str) -> Iterator[Mapping[str, Any]]:
    """Rows with the pictures that they name: beside the file, or where VLMEvalKit keeps them, in ``images/SUITE``."""

    @lru_cache(maxsize=1)  # the rows about one picture stand together
    def read(path: str) -> bytes:
        if not path.lower().endswith(SUFFIXES):  # nobody would see it change: see _pictures
            raise ValueError(f"the picture {path[:200]!r} has none of the names {', '.join(SUFFIXES)}")
        for root in (folder, f"{folder}/images/{suite}"):
            if (data := read_under(root, path, MAX_BENCHMARK_BYTES)) is not None:
                return data
        raise ValueError(f"there is no picture {path[:200]!r} in {folder} or its folder images/{suite}")

    for row in rows:
        yield row if BROKEN in row else _with_picture(row, read)


def _with_picture(row: Mapping[str, Any], read: Callable[[str], bytes]) -> Mapping[str, Any]:
    try:
        return {**row, "image": [read(path) for path in image_paths(row)]}
    except ValueError as error:
        return {"index": row["index"], BROKEN: str(error)}


def _from_hub(suite: Suite, row: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    try:
        return suite.from_hub(row, number)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return {"index": row.get("index", number), BROKEN: f"it is not as the dataset's others: {error!r}"}
