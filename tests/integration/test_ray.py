"""Shards on actors of a Ray cluster of this machine: what they leave, what a killed one costs, and who may reach it."""

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from prefect import Flow
from prefect.testing.utilities import prefect_test_harness

from flows import ray_cluster, synthesis_inputs
from flows.ray_cluster import check_cluster, connect, room_for
from flows.ray_runner import Crews, RayRunner
from flows.runner import InProcess, Runner, gather, run
from storage.objects import ObjectStore
from tasks import generation, pool
from tasks.pace import watched_by
from tasks.worker import Worker
from tests.loop import cut_for
from tests.sleepers import ITEMS, Nap, begun, nap
from viper.errors import AddressError, CorruptArtifact, ProfileError, ViperError
from viper.records import ArtifactRef, Shard

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
RAY = ("run.workers=ray", "run.files.actors=2", "run.vlm.actors=2")
CUT = cut_for(*RAY, "pool.images_per_round=8", "synthesis.shard_images=4", "synthesis.max_new_tokens=24")


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    """A Prefect server, and a local cluster with room for two actors whatever this machine has."""
    before = signal.getsignal(signal.SIGTERM)
    with prefect_test_harness(server_startup_timeout=180):
        ray = connect()
        assert signal.getsignal(signal.SIGTERM) == before  # a cancelled run is told by it
        yield
        ray.shutdown()


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    store = ObjectStore(str(tmp_path / "store"))
    store.probe()
    return Worker(store, CUT.machine())


def in_a_flow(worker: Worker, walk: Callable[..., Any]) -> Any:
    """What a walk gives on the actors, which are gone afterwards."""
    runner = RayRunner(worker, Crews(worker, CUT.settings))

    def steps() -> Any:
        try:
            return runner.group("on actors", walk)
        finally:
            runner.release()

    return Flow(steps, name="test")()


def test_shards_are_shared_and_a_killed_actor_costs_one(
    worker: Worker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="viper")
    (notes := tmp_path / "notes").mkdir()
    naps = [Nap(number=number, seconds=1, notes=str(notes), fatal=number == 2) for number in range(8)]
    shown: list[tuple[str, float, float, str]] = []

    def walk(runner: Runner) -> tuple[ArtifactRef, ...]:
        return gather([runner.submit(nap, each) for each in naps])

    with watched_by(lambda *told: shown.append(told)):
        made = in_a_flow(worker, walk)
    assert [worker.store.read(ref, "nap.txt") for ref in made] == [str(one.number).encode() for one in naps]
    processes = begun(notes)
    assert {number: len(pids) for number, pids in processes.items()} == {**dict.fromkeys(range(8), 1), 2: 2}
    pids = {pid for begun_by in processes.values() for pid in begun_by}
    assert len(pids) >= 2  # another took the place of the killed one, if it was there in time
    assert os.getpid() not in pids
    assert sum("asleep" in line for line in caplog.messages) == 8  # what actors log is in the run's log
    assert [done for _, done, _, _ in shown] == [ITEMS * (number + 1) for number in range(8)]
    assert shown[-1][2] == 8 * ITEMS
    assert str(worker).startswith("files actors (naps: 80 of 80")  # viper status
    psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=60)
    assert not any(psutil.pid_exists(pid) for pid in pids)  # and their models with them

    in_a_flow(worker, walk)
    assert begun(notes) == processes  # nothing is done again


def test_what_a_shard_raises_is_raised_as_it_was(worker: Worker, tmp_path: Path) -> None:
    refused = Nap(number=0, seconds=0, notes=str(tmp_path), refused=True)

    def walk(runner: Runner) -> ArtifactRef:
        return run(runner, nap, refused)

    with pytest.raises(CorruptArtifact, match="what it reads is damaged") as raised:
        in_a_flow(worker, walk)
    assert raised.value.key == "results/x"


@pytest.mark.slow
def test_actors_and_one_process_leave_the_same_bytes(worker: Worker, tmp_path: Path) -> None:
    def walk(runner: Runner) -> list[ArtifactRef]:
        listing = run(runner, pool.list_pool, synthesis_inputs.listing(CUT, 1))
        takes = synthesis_inputs.takes(CUT, pool.read_listing(runner.store, listing), [])
        taken = gather([runner.submit(pool.take_images, each) for each in takes])
        shards = [Shard(pool=ref, number=number) for number, ref in enumerate(taken)]
        asked = [synthesis_inputs.captions(CUT, 1, CUT.base, shard) for shard in shards]
        return [*taken, *gather([runner.submit(generation.caption_images, each) for each in asked])]

    alone = InProcess(Worker(ObjectStore(str(tmp_path / "alone")), CUT.machine()))
    expected = Flow(lambda: alone.group("alone", walk), name="test")()
    found = in_a_flow(worker, walk)
    assert len(found) == 4
    assert [ref.sha256 for ref in found] == [ref.sha256 for ref in expected]


def test_nobody_else_reaches_the_cluster() -> None:
    processes = psutil.Process().children(recursive=True)
    assert any("raylet" in process.name() for process in processes)
    listening = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # an idle worker of Ray ends by itself
            found = process.net_connections("inet")
            listening |= {one.laddr.ip.removeprefix("::ffff:") for one in found if one.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_a_cluster_without_the_gpus_that_an_actor_asks_for_is_refused() -> None:
    room = room_for(ray_cluster.Needs(gpus=0, cpus=1))
    assert room == os.cpu_count()
    assert room_for(ray_cluster.Needs(gpus=0, cpus=0.5)) == 2 * room
    check_cluster(CUT.settings)
    found = cut_for(*RAY, "models.painter.device=cuda", "run.painter.gpus=2").settings
    with pytest.raises(ProfileError, match=r"A painter actor needs 2 GPU\(s\) and 1 CPU\(s\) .* they have 0 and"):
        check_cluster(found)
    other = cut_for(*RAY, "models.editor.device=cuda:1").settings
    with pytest.raises(ProfileError, match=r"editor actors is on 'cuda:1', but each actor sees 1 GPU"):
        check_cluster(other)


@pytest.mark.parametrize("address", ["nonsense", "ray://somewhere:10001", "127.0.0.1:70000", "127.0.0.1:{free}"])
def test_an_address_without_a_cluster_is_refused_at_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free = taken.getsockname()[1]  # nobody listens
        with pytest.raises(AddressError, match="RAY_ADDRESS is"):
            ray_cluster._check_address(address.format(free=free))


def test_without_ray_a_run_on_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    with pytest.raises(ViperError, match=r'run.workers is "ray", but Ray is not installed. Install it'):
        check_cluster(CUT.settings)
