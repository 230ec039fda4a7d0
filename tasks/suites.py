"""Suites are fixed in the store before they are asked: files of others read, checked row by row, cut in shards."""

import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from fnmatch import fnmatch
from typing import Any

from prefect import State
from pydantic import JsonValue

from models.suites.catalog import EMBEDDED, find_suite
from models.suites.reading import BROKEN, MAX_IMAGE_BYTES, image_cells, read_parquet, read_tsv
from models.suites.suite import Suite
from storage.files import list_files, open_file
from storage.images import inspect_image
from storage.suite_shards import ShardWriter
from tasks.step import Entries, once, open_store, step_task
from viper.environment import scratch_folder
from viper.errors import SuiteError
from viper.records import ArtifactRef
from viper.settings import BenchmarkSettings, Settings

WORLD, HUB = "shapes:", "hub:"
"""Beginning of the addresses of the embedded world's suites; the address of the Hugging Face hub."""
MAX_IMAGE_PIXELS = 200_000_000
MAX_BROKEN_SHARE = 0.01
"""Share of broken rows above which a suite is refused: its figure would not be the benchmark's."""

log = logging.getLogger("viper")


def check_suites(settings: BenchmarkSettings) -> None:
    """Make sure that every suite is known and has files, before any work starts.

    Raises:
        SuiteError: A suite is unknown or has no file.
    """
    for name in settings.suites:
        suite = _known(settings.folder, name)
        if not settings.folder.startswith(WORLD):
            _files(settings.folder, suite)


def _known(folder: str, name: str) -> Suite:
    if not folder.startswith(WORLD):
        return find_suite(name)
    from models.worlds.shapes.suites import SETS

    if folder not in SETS:
        raise SuiteError(f"There are no suites {folder!r}. The embedded world has: {', '.join(SETS)}.")
    return find_suite(name, EMBEDDED)


def _files(folder: str, suite: Suite) -> dict[str, str]:
    """Addresses of the suite's files in order, with what changes when they do: one TSV file, or parquet files."""
    root = f"hf://datasets/{suite.hub}" if folder == HUB else folder.rstrip("/")
    found = list_files(root)
    tsv = f"{suite.name}.tsv"
    if folder != HUB and tsv in found:
        return {f"{root}/{tsv}": found[tsv]}
    inside = "" if folder == HUB else f"{suite.name}/"
    chosen = [path for path in found if path.startswith(inside) and fnmatch(path[len(inside) :], suite.hub_files)]
    if not chosen:
        parquet = f" or the parquet files of the dataset {suite.hub} in the folder {suite.name}" if suite.hub else ""
        raise SuiteError(
            f"{root} has no files of {suite.name}. Expected {tsv} in VLMEvalKit's form{parquet}; "
            "put them there, correct benchmarks.folder, or take the suite out of benchmarks.suites."
        )
    return {f"{root}/{path}": found[path] for path in chosen}


@step_task(name="fix suite", task_run_name="fix suite {suite}")
def fix_suite(settings: Settings, suite: str) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``suite``: questions and images by shard, as they are asked; facts: what was read and left out."""
    benchmarks = settings.benchmarks
    known = _known(benchmarks.folder, suite)
    source = benchmarks.folder if benchmarks.folder.startswith(WORLD) else _files(benchmarks.folder, known)
    sizes = benchmarks.model_dump(include={"limit", "shard_questions"})
    with scratch_folder() as folder:

        def compute() -> tuple[Entries, dict[str, JsonValue]]:
            intake = Intake(known, ShardWriter(folder, benchmarks.shard_questions), benchmarks.limit)
            with _rows(known, benchmarks, source) as rows:
                for row in rows:
                    if intake.full:
                        break
                    intake.take(row)
            return intake.finish()

        return once("suite", 2, {"suite": known.name, "source": source, **sizes}, compute)


@contextmanager
def _rows(
    suite: Suite, benchmarks: BenchmarkSettings, source: str | Mapping[str, str]
) -> Iterator[Iterator[Mapping[str, Any]]]:
    """The rows of a source, as its files have them, one in memory at a time."""
    if isinstance(source, str):
        from models.worlds.shapes.suites import write_suite

        text = io.StringIO(write_suite(suite.name, benchmarks.limit, source).decode())
        yield read_tsv(text, suite.name, suite.columns)
    else:
        yield _file_rows(suite, source)


def _file_rows(suite: Suite, files: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    number = 0
    for uri in files:
        with open_file(uri) as file:
            if uri.endswith(".tsv"):
                text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
                yield from read_tsv(text, uri, suite.columns)
                continue
            for row in read_parquet(file, uri, suite.hub_columns):
                yield _from_hub(suite, row, number)
                number += 1


def _from_hub(suite: Suite, row: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    try:
        return suite.from_hub(row, number)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return {"index": row.get("index", number), BROKEN: f"it is not as the dataset's others: {error!r}"}


class Intake:
    """Takes the rows of a suite one after the other, and counts those that cannot be asked."""

    def __init__(self, suite: Suite, writer: ShardWriter, limit: int) -> None:
        """Begin.

        Args:
            suite: What the rows belong to.
            writer: Where they go.
            limit: Rows at most, 0 for all. A unit that was begun within it is completed beyond it.
        """
        self._suite, self._writer, self._limit = suite, writer, limit
        self._rows, self._without_image = 0, 0
        self._broken: dict[str, str] = {}
        self._images: dict[str, tuple[str, ...]] = {}
        self._sound: set[str] = set()
        self._units: set[str] = set()

    @property
    def full(self) -> bool:
        """Whether no further row can be taken."""
        return self._reached and not self._suite.whole_units

    @property
    def _reached(self) -> bool:
        return bool(self._limit) and self._writer.questions >= self._limit

    def take(self, row: Mapping[str, Any]) -> None:
        """Ask the row, or count why it cannot be asked."""
        self._rows += 1
        try:
            self._ask(row)
        except ValueError as error:
            self._broken[f"{row.get('index')} (row {self._rows})"] = str(error)
            log.warning("%s, row %d, index %r: %s", self._suite.name, self._rows, row.get("index"), error)

    def _ask(self, row: Mapping[str, Any]) -> None:
        if BROKEN in row:
            raise ValueError(row[BROKEN])
        question = self._suite.question(row)
        images = self._names(row)
        if not images:
            self._without_image += 1
            return
        self._images[question.index] = images
        question = replace(question, unit=self._suite.unit(question, images))
        if self._reached and question.unit not in self._units:
            return
        self._units.add(question.unit)
        self._writer.add(asdict(question), images)

    def _names(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        names: list[str] = []
        for cell in image_cells(row):
            if isinstance(cell, bytes):
                names.append(self._kept(cell))
            elif cell in self._images:
                names += self._images[cell]
            else:
                raise ValueError(f"the image {cell!r} is no base64 picture and no earlier row's index")
        return tuple(names)

    def _kept(self, data: bytes) -> str:
        name = self._writer.keep_image(data)
        if name not in self._sound:
            if reason := inspect_image(data, MAX_IMAGE_PIXELS, MAX_IMAGE_BYTES):
                raise ValueError(
                    f"an image is {reason}; expected a still one of at most {MAX_IMAGE_PIXELS:,} pixels and "
                    f"{MAX_IMAGE_BYTES:,} bytes"
                )
            self._sound.add(name)
        return name

    def finish(self) -> tuple[Entries, dict[str, JsonValue]]:
        """The suite's entries and facts.

        Raises:
            SuiteError: Nothing can be asked, or too many rows are broken.
        """
        self._writer.close()
        name, broken = self._suite.name, self._broken
        if len(broken) > MAX_BROKEN_SHARE * self._rows or not self._writer.questions:
            shown = "; ".join(f"index {index}: {reason}" for index, reason in list(broken.items())[:3])
            raise SuiteError(
                f"{name}: {len(broken)} of {self._rows} rows are broken, {self._without_image} have no image; at most "
                f"{MAX_BROKEN_SHARE:.0%} may be broken. {shown or 'Nothing is left to ask'}. Fetch the files again."
            )
        counts = f"{self._writer.questions:,} rows, {len(self._units):,} units"
        log.info("%s: %s, %d broken, %d without an image", name, counts, len(broken), self._without_image)
        return self._writer.entries, {
            "suite": name,
            "questions": self._writer.questions,
            "units": len(self._units),
            "shards": self._writer.shards,
            "broken": dict(broken),
            "without_image": self._without_image,
        }


def shard_count(suite_file: ArtifactRef) -> int:
    """Number of shards of a fixed suite."""
    count = open_store().manifest(suite_file).meta["shards"]
    assert isinstance(count, int)
    return count
