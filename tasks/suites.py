"""Suites are fixed in the store before they are asked: files of others read, checked row by row, cut in shards."""

from collections.abc import Iterator, Mapping
from typing import Any

from models.suites.suite import Suite
from models.worlds import find_suite, find_world, world_of
from storage.objects import ObjectStore
from storage.suite_shards import ShardWriter
from tasks.intake import Intake
from tasks.step import Inputs, Made, step
from tasks.suite_files import SuiteFiles, find_files, read_rows
from tasks.worker import Worker
from viper.pictures import ImageLimits
from viper.records import ArtifactRef, Record
from viper.settings import BenchmarkSettings


class DrawnSuite(Record):
    """A suite that a world makes."""

    world: str
    address: str
    """Which of the world's sets of questions."""


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
    return find_files(folder, find_suite(name))


def check_suites(settings: BenchmarkSettings) -> None:
    """Make sure that every suite is known and has files, before any work starts.

    Raises:
        SuiteError: A suite is unknown or has no file.
    """
    for name in settings.suites:
        suite_source(settings.folder, name)


@step("suite", 4)
def fix_suite(inputs: SuiteInputs, worker: Worker) -> Made:
    """Questions and images by shard, as they are asked; facts: what was read and left out."""
    suite = find_suite(inputs.suite)
    intake = Intake(suite, ShardWriter(worker.folder, inputs.shard_questions), inputs.limit, inputs.limits)
    for row in _rows(suite, inputs):
        if intake.full:
            break
        intake.take(row)
    return intake.finish()


def _rows(suite: Suite, inputs: SuiteInputs) -> Iterator[Mapping[str, Any]]:
    """The rows of a source, as its files have them, one in memory at a time."""
    source = inputs.source
    if isinstance(source, DrawnSuite):
        return find_world(source.world).suite_rows(source.address, suite.name, inputs.limit)
    return read_rows(suite, source)


def shard_count(store: ObjectStore, file: ArtifactRef) -> int:
    """Number of shards of a fixed suite."""
    return int(str(store.manifest(file).meta["shards"]))
