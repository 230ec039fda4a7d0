"""A step's artifact is computed once, whatever calls it."""

from pathlib import Path

import pytest
from prefect import State, flow
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.testing.utilities import prefect_test_harness

from tasks.step import Entries, once, open_store, step_task
from viper.environment import store_root
from viper.records import ArtifactRef

calls: list[str] = []


@step_task(name="count calls")
def count_calls(word: str) -> ArtifactRef | State[ArtifactRef]:
    def compute() -> tuple[Entries, dict[str, object]]:
        calls.append(word)
        return {"word.txt": word.encode()}, {}

    return once("count", 1, {"word": word}, compute)  # type: ignore[arg-type]


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def count_twice(word: str) -> list[ArtifactRef]:
    return [count_calls(word), count_calls(word), count_calls.submit(word).result()]


@pytest.mark.timeout(300)
def test_a_finished_step_is_reused_and_a_damaged_one_is_computed_again() -> None:
    with prefect_test_harness(server_startup_timeout=180):
        first = count_twice("one")
        assert len(set(first)) == 1
        assert calls == ["one"]
        store = open_store()
        assert store.read(first[0], "word.txt") == b"one"

        sha256 = store.manifest(first[0]).entries["word.txt"].sha256
        manifest = Path(store_root()) / "objects" / "sha256" / first[0].sha256[:2] / first[0].sha256
        manifest.write_bytes(b"damaged")
        again = count_twice("one")
        assert calls == ["one", "one"]
        assert store.manifest(again[0]).entries["word.txt"].sha256 == sha256
