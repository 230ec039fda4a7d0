"""A step's artifact is computed once, whatever calls it, and Prefect shows what was reused."""

from pathlib import Path

import pytest
from prefect import Flow, flow
from prefect.testing.utilities import prefect_test_harness

from flows.plan.stopwatch import Stopwatch, TimedWorker
from flows.runner import InProcess, Runner, one_worker, run
from storage.objects import ObjectStore
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from tests.loop import cut_for, worker_for
from viper.environment import store_root
from viper.records import ArtifactRef

calls: list[str] = []


class Word(Inputs):
    word: str

    @property
    def title(self) -> str:
        return f"count {self.word}"


@step("count", 1)
def count_calls(inputs: Word, worker: Worker) -> Made:
    calls.append(inputs.word)
    assert worker.folder.is_dir()
    return Made({"word.txt": inputs.word.encode()})


def count_inside(runner: Runner, word: str) -> ArtifactRef:
    return run(runner, count_calls, Word(word=word))


@flow(task_runner=one_worker)
def count_twice(word: str) -> list[ArtifactRef]:
    runner = InProcess(worker_for(cut_for()))
    inside = runner.group("inside", count_inside, word)
    return [run(runner, count_calls, Word(word=word)), inside, runner.submit(count_calls, Word(word=word)).result()]


@pytest.mark.timeout(300)
def test_a_finished_step_is_reused_and_a_damaged_one_is_computed_again() -> None:
    store = worker_for(cut_for()).store
    with prefect_test_harness(server_startup_timeout=180):
        first = count_twice("one")
        assert len(set(first)) == 1
        assert calls == ["one"]
        assert store.read(first[0], "word.txt") == b"one"

        sha256 = store.manifest(first[0]).entries["word.txt"].sha256
        manifest = Path(store_root()) / "objects" / "sha256" / first[0].sha256[:2] / first[0].sha256
        manifest.write_bytes(b"damaged")
        again = count_twice("one")
        assert calls == ["one", "one"]
        assert store.manifest(again[0]).entries["word.txt"].sha256 == sha256


@pytest.mark.timeout(300)
def test_a_measurement_notes_what_steps_take_also_where_they_belong_together(tmp_path: Path) -> None:
    watch = Stopwatch(TimedWorker(ObjectStore(str(tmp_path)), cut_for().machine()))
    with prefect_test_harness(server_startup_timeout=180):
        Flow(lambda: watch.group("inside", count_inside, "timed"), name="measured", task_runner=one_worker)()
    assert list(watch.seconds) == list(watch.stored) == list(watch.made) == ["count"]


def test_a_worker_has_a_folder_only_while_it_works() -> None:
    with pytest.raises(RuntimeError, match="only while it works"):
        _ = worker_for(cut_for()).folder
