"""Actors, nodes and drivers of a Ray cluster are killed: each costs a shard at most, and the round ends as ever."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.maintenance import verify
from storage.objects import ObjectStore
from tests.kill.harness import RUN_WITHIN_S, VICTIM, World
from tests.kill.ray_cluster import Raylets, raylets
from tests.sleepers import begun
from tests.small import SMALL, as_arguments

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(2 * RUN_WITHIN_S)]
SHARDS = 16
ON_RAY = ["run.workers=ray", *(f"run.{kind}.actors=2" for kind in ("files", "vlm", "painter", "editor"))]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Raylets]:
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # on the loopback, before Ray is imported
    monkeypatch.setenv("VIPER_COMMIT", "tests")  # of the run and of its actors
    with raylets(2) as found:
        monkeypatch.setenv("RAY_ADDRESS", found.address)
        yield found


def started(command: list[str], home: Path, **more: str) -> "subprocess.Popen[bytes]":
    home.mkdir(exist_ok=True)
    with (home / "output.txt").open("ab") as output:
        return subprocess.Popen(
            command,
            env={**os.environ, "VIPER_HOME": str(home), **more},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def killed(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_each_actor_that_dies_costs_the_shard_that_it_was_at(cluster: Raylets, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    command = [sys.executable, "-m", "tests.kill.ray_driver", str(tmp_path / "store"), str(notes), str(SHARDS)]

    def until(shards: int) -> None:
        while not notes.is_dir() or len(begun(notes)) < shards:
            assert process.poll() is None, (tmp_path / "home" / "output.txt").read_text()[-3000:]
            time.sleep(0.1)

    process = started(command, tmp_path / "home")
    until(2)
    dead = [cluster.kill_actor()]
    until(5)
    dead += cluster.kill_node()
    until(9)
    at_work = cluster.actors()
    killed(process)
    cluster.wait_until_gone(at_work)
    process = started(command, tmp_path / "home")
    assert process.wait(RUN_WITHIN_S) == 0, (tmp_path / "home" / "output.txt").read_text()[-3000:]
    by_shard = begun(notes)
    assert sorted(by_shard) == list(range(SHARDS))
    lost = sum(len(processes) - 1 for processes in by_shard.values())
    assert 1 <= lost <= len(dead) + len(at_work)
    assert len(list(ObjectStore(str(tmp_path / "store")).list("results/naps"))) == SHARDS


def test_a_round_under_kills_ends_in_the_hashes_of_one_process(cluster: Raylets, tmp_path: Path) -> None:
    quiet = World(tmp_path, {})
    launcher = f"training.launcher=['python', '{VICTIM}']"
    status, output, _ = quiet.run(tmp_path / "alone", ["evolve", *as_arguments([*SMALL, launcher])])
    assert status == 0, output[-3000:]

    home, random_ = tmp_path / "ray", random.Random(1)
    log = {"KILL_LOG": str(tmp_path / "kills.jsonl")}
    viper = [sys.executable, str(VICTIM), "viper"]
    process = started([*viper, "evolve", *as_arguments([*SMALL, launcher, *ON_RAY])], home, **log)
    kills = 0
    for kill in (cluster.kill_actor, cluster.kill_node, lambda: killed(process)):
        cluster.wait_for_actor()
        time.sleep(random_.uniform(0, 20))
        cluster.wait_for_actor()
        assert process.poll() is None, (home / "output.txt").read_text()[-3000:]
        kill()
        kills += 1
    process = started([*viper, "resume", "shapes"], home, **log)
    assert process.wait(RUN_WITHIN_S) == 0, (home / "output.txt").read_text()[-3000:]
    assert kills == 3
    assert quiet.hashes(home) == quiet.hashes(tmp_path / "alone")
    assert list(verify(ObjectStore(str(home / "store")))) == []
