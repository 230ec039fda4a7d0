"""The object store on a real S3 server (SeaweedFS)."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from models.suites.reading import BROKEN
from models.worlds import find_suite
from storage import backend
from storage.bench import measure
from storage.blobs import RENEW_AFTER_S
from storage.files import list_files, open_file
from storage.heartbeats import Heartbeat, living
from storage.maintenance import MIN_AGE_S, clear, find_garbage, usage, verify
from storage.manifest import PIECE_BYTES
from storage.objects import ObjectStore
from tasks.suite_files import find_files, read_rows
from tests.servers import Server, free_ports, s3_of_this_process
from viper.errors import CorruptArtifact, StoreError, StoreUnavailable

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
ENTRIES: dict[str, bytes | Path] = {"images/1.png": b"one", "images/2.png": b"two"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with s3_of_this_process(tmp_path_factory.mktemp("weed")) as server:
        yield server


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


def test_a_suites_pictures_are_read_from_beside_its_file_in_a_bucket_and_from_nowhere_else(store: ObjectStore) -> None:
    path, picture = store.root.removeprefix("s3://"), b"a picture of more than sixty-four bytes" * 3
    lines = ["index\timage_path\tquestion\tA\tB\tanswer"]
    lines += [
        f"{number}\t{one}\tWhich?\tred\tblue\tA" for number, one in enumerate(("a.png", "b/c.png", "../x.png", "d.png"))
    ]
    files = {"CRPE_EXIST.tsv": "\n".join(lines).encode(), "a.png": picture, "images/CRPE_EXIST/b/c.png": picture[::-1]}
    for name, data in {**files, "../x.png": picture}.items():
        store._backend.fs.pipe_file(os.path.normpath(f"{path}/suites/{name}"), data)
    suite = find_suite("CRPE_EXIST")
    found = find_files(f"{store.root}/suites", suite)
    rows = list(read_rows(suite, found))
    assert [row.get("image") for row in rows] == [[picture], [picture[::-1]], None, None]
    assert "leads out of" in rows[2][BROKEN]
    assert "there is no picture 'd.png'" in rows[3][BROKEN]
    assert find_files(f"{store.root}/suites", suite) == found
    store._backend.fs.pipe_file(f"{path}/suites/a.png", picture[::-1])
    assert find_files(f"{store.root}/suites", suite).pictures != found.pictures


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


def test_a_clock_that_is_hours_off_is_named_and_nothing_is_lost(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = store.commit("a", "images", ENTRIES)
    skewed = datetime.now(UTC) + timedelta(hours=2)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: skewed.replace(tzinfo=None))
    with pytest.raises(StoreError, match=r"Set this machine's clock, or the server's"):
        store.commit("b", "images", ENTRIES)
    monkeypatch.undo()
    assert store.find("b") is None
    assert store.damaged(ref) == ()


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


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the store's clocks on this machine be ahead, so that everything is that much older."""
    clock = SimpleNamespace(time=lambda: time.time() + seconds, sleep=time.sleep)
    monkeypatch.setattr(backend, "time", clock)


WRITER = """
import sys
from pathlib import Path
from storage.objects import ObjectStore
print("begun", flush=True)
ObjectStore(sys.argv[1]).commit("large", "a", {"large": Path(sys.argv[2])})
"""


def test_a_writer_killed_inside_a_large_upload_leaves_no_unfinished_write_and_keeps_what_arrived(
    store: ObjectStore, tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(12 * PIECE_BYTES))
    with subprocess.Popen([sys.executable, "-c", WRITER, store.root, str(large)], cwd=ROOT) as writer:
        while len(store.blobs()) < 3:
            assert writer.poll() is None
        writer.kill()
    arrived = set(store.blobs())
    assert 3 <= len(arrived) < 12
    assert store.find("large") is None
    bucket, _, prefix = store._backend.root.partition("/")
    assert "Uploads" not in store._backend.fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix)
    assert store.leftovers() == {}

    ref = store.commit("large", "a", {"large": large})
    assert arrived < set(store.manifest(ref).entries["large"].pieces)
    assert store.damaged(ref) == ()
    ages = {sha256: stat.age_s for sha256, stat in store.blobs().items()}
    assert min(ages[sha256] for sha256 in arrived) >= min(ages.values())


def test_maintenance_works_on_s3(store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = store.commit("results/a/1", "a", ENTRIES)
    store.commit("results/a/2", "a", {"images/1.png": b"one", "x": b"dropped"})
    store.commit("evolutions/main/requests/000000", "request", {"x": b"asked"})
    assert [(name, one.artifacts) for name, one in usage(store).items()] == [("evolutions/main", 1), ("results/a", 2)]
    assert list(verify(store)) == []

    store._backend.remove("refs/results/a/2.json")
    assert find_garbage(store).removable == {}
    later(monkeypatch, MIN_AGE_S + 60)
    garbage = find_garbage(store)
    assert len(garbage.removable) == 2
    assert sorted(garbage.removable.values())[0] == len(b"dropped")
    clear(store, garbage)
    assert store.damaged(kept) == ()
    assert list(verify(store)) == []

    # A writer that finds an old blob renews it, so that it is young again.
    monkeypatch.undo()
    later(monkeypatch, RENEW_AFTER_S + 60)
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(2**20 + 1))
    blobs = [store.put_bytes(b"one"), store.put(large)]
    monkeypatch.undo()
    assert all(store.blobs()[blob.sha256].age_s < RENEW_AFTER_S / 2 for blob in blobs)

    store._backend.fs.pipe_file(raw_path(store, blobs[0].sha256), b"onf")
    assert [(one.key, one.entry, one.reason) for one in verify(store)] == [("results/a/1", "images/1.png", "damaged")]


def test_a_large_blob_that_was_cut_short_is_damaged(store: ObjectStore, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(40 * 2**20))
    ref = store.commit("a", "a", {"large.bin": large})
    piece = store.manifest(ref).entries["large.bin"].pieces[1]
    store._backend.fs.pipe_file(raw_path(store, piece), large.read_bytes()[PIECE_BYTES : PIECE_BYTES + 2**20])
    with pytest.raises(CorruptArtifact, match=r"large\.bin"):
        store.download(ref, tmp_path / "copy")
    assert store.damaged(ref) == ("large.bin",)


def test_signs_of_life_are_seen_on_s3(store: ObjectStore) -> None:
    with Heartbeat(store.root, "main", lambda: "painting"):
        while not (found := living(store.root, "main")):
            time.sleep(0.1)
        assert found[0][0].doing == "painting"
    assert living(store.root, "main") == []


def test_the_bench_measures_every_way_and_leaves_nothing_behind(store: ObjectStore) -> None:
    found = measure(store.root, 3, 1000, 2)
    assert list(found) == ["store", "s3fs loop", "s3fs recursive", "disk"]
    assert all(seconds > 0 for times in found.values() for seconds in times)
    left = store._backend.fs.find(store._backend.root)
    assert [path for path in left if path != store._backend.root] == []  # SeaweedFS keeps the folder itself
