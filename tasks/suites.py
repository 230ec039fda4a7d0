"""Suites are fixed in the store before they are asked: files of others read, checked row by row, cut in shards."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import Any

from models.suites.reading import BROKEN, read_parquet, read_tsv
from models.suites.suite import Suite
from models.worlds import find_suite, find_world, world_of
from storage.files import list_files, open_file
from storage.objects import ObjectStore
from storage.suite_shards import ShardWriter
from tasks.intake import Intake
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.errors import SuiteError
from viper.pictures import ImageLimits
from viper.records import ArtifactRef, Record
from viper.settings import BenchmarkSettings

HUB = "hub:"
"""The address of the Hugging Face hub."""


class DrawnSuite(Record):
    """A suite that a world makes."""

    world: str
    address: str
    """Which of the world's sets of questions."""


class SuiteFiles(Record):
    """A suite in files of others."""

    files: dict[str, str]
    """Addresses in order, with what changes when a file does."""


class SuiteInputs(Inputs):
    """What decides a fixed suite."""

    suite: str
    source: DrawnSuite | SuiteFiles
    limit: int
    """Rows at most; 0 takes all."""
    limits: ImageLimits
    """Of its pictures."""
    shard_questions: int

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"fix suite {self.suite}"


def suite_source(folder: str, name: str) -> DrawnSuite | SuiteFiles:
    """Where the questions of a suite come from.

    Args:
        folder: Address of the suites' files, ``hub:``, or the address of a world's suites.
        name: Of the suite.

    Raises:
        SuiteError: The suite is unknown there, or has no file.
    """
    if (world := world_of(folder)) is not None:
        world.check_suites(folder)
        find_suite(name, world)
        return DrawnSuite(world=world.name, address=folder)
    return SuiteFiles(files=_files(folder, find_suite(name)))


def check_suites(settings: BenchmarkSettings) -> None:
    """Make sure that every suite is known and has files, before any work starts.

    Raises:
        SuiteError: A suite is unknown or has no file.
    """
    for name in settings.suites:
        suite_source(settings.folder, name)


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


@step("suite", 4)
def fix_suite(inputs: SuiteInputs, worker: Worker) -> Made:
    """Questions and images by shard, as they are asked; facts: what was read and left out."""
    suite = find_suite(inputs.suite)
    intake = Intake(suite, ShardWriter(worker.folder, inputs.shard_questions), inputs.limit, inputs.limits)
    with _rows(suite, inputs) as rows:
        for row in rows:
            if intake.full:
                break
            intake.take(row)
    return intake.finish()


@contextmanager
def _rows(suite: Suite, inputs: SuiteInputs) -> Iterator[Iterator[Mapping[str, Any]]]:
    """The rows of a source, as its files have them, one in memory at a time."""
    source = inputs.source
    if isinstance(source, DrawnSuite):
        yield find_world(source.world).suite_rows(source.address, suite.name, inputs.limit)
    else:
        yield _file_rows(suite, source.files)


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


def shard_count(store: ObjectStore, file: ArtifactRef) -> int:
    """Number of shards of a fixed suite."""
    return int(str(store.manifest(file).meta["shards"]))
