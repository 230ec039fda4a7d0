"""A survey says what is done by looking where the steps would, and does nothing."""

from pathlib import Path

import pytest

from flows.survey import Standing, Survey, survey_round
from storage.objects import ObjectStore
from tasks.pool import Listing, list_pool
from tasks.pools.source import PoolFile
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from tests.loop import cut_for
from viper.records import ArtifactRef


class Word(Inputs):
    word: str
    after: ArtifactRef | None = None

    @property
    def title(self) -> str:
        return self.word


@step("count", 1)
def count(inputs: Word, worker: Worker) -> Made:
    raise AssertionError("a survey computed something")


@step("later", 1)
def later(inputs: Word, worker: Worker) -> Made:
    raise AssertionError("a survey computed something")


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


def test_a_survey_counts_what_is_there_and_computes_nothing(store: ObjectStore) -> None:
    there = store.commit(count.key(Word(word="done")), "count", {"x": b"1"})
    survey = Survey(store)
    assert survey.submit(count, Word(word="done")).result() == there
    missing = survey.submit(count, Word(word="missing")).result()
    again = survey.submit(later, Word(word="on", after=missing)).result()
    assert survey.steps == {"count": Standing(done=1, total=2), "later": Standing(done=0, total=1)}
    assert missing != again


def test_a_damaged_artifact_is_not_done(store: ObjectStore) -> None:
    ref = store.commit(count.key(Word(word="x")), "count", {"x": b"1"})
    manifest = Path(store.root) / "objects" / "sha256" / ref.sha256[:2] / ref.sha256
    manifest.write_bytes(b"damaged")
    survey = Survey(store)
    survey.submit(count, Word(word="x"))
    assert survey.steps == {"count": Standing(done=0, total=1)}


def test_a_round_is_surveyed_as_far_as_its_inputs_are_known(store: ObjectStore) -> None:
    from flows.synthesis_inputs import listing

    cut = cut_for("synthesis.shard_images=2")
    suites = len(cut.settings.benchmarks.suites)
    assert survey_round(store, cut, 1, {}).steps == {
        "suite": Standing(done=0, total=suites),
        "hashes": Standing(done=0, total=suites),
        "listing": Standing(done=0, total=1),
    }
    assert list(store.list("")) == []

    files = tuple(PoolFile(name=str(number), version="1") for number in range(5))
    store.commit(list_pool.key(listing(cut, 1)), "listing", Listing(files).encoded())
    steps = survey_round(store, cut, 1, {}).steps
    assert steps["listing"] == Standing(done=1, total=1)
    assert steps["pool"] == Standing(done=0, total=3)
    assert "captions" not in steps
