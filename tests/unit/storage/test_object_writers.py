"""Writers of the object store: large entries in pieces, races, and kills at any moment."""

import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.manifest import PIECE_BYTES, sha256_of_file
from storage.objects import ObjectStore
from tests.unit.storage.blob_files import blob_path, flip_a_byte
from viper.errors import CorruptArtifact, StoreError

ENTRIES: dict[str, bytes | Path] = {"images/1.png": b"one", "images/2.png": b"two", "notes.txt": b"three"}


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


@pytest.mark.parametrize("way", ["bytes", "file"])
def test_a_blob_is_whole_as_soon_as_it_can_be_seen(store: ObjectStore, tmp_path: Path, way: str) -> None:
    data = bytes(PIECE_BYTES)
    (tmp_path / "large").write_bytes(data)
    path = blob_path(store, hashlib.sha256(data).hexdigest())
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(store.put_bytes, data) if way == "bytes" else pool.submit(store.put, tmp_path / "large")
        while not path.exists() and not writing.done():
            time.sleep(0.0002)
        assert path.stat().st_size == len(data)
        writing.result()


@pytest.mark.parametrize("way", ["bytes", "a file"])
def test_a_large_entry_lies_in_pieces_and_comes_back_whole(store: ObjectStore, tmp_path: Path, way: str) -> None:
    data, large = os.urandom(2 * PIECE_BYTES + 5), tmp_path / "large"
    large.write_bytes(data)
    ref = store.commit("a", "images", {**ENTRIES, "large": data if way == "bytes" else large})
    blob = store.manifest(ref).entries["large"]
    assert [store.blobs()[piece].size_bytes for piece in blob.pieces] == [PIECE_BYTES, PIECE_BYTES, 5]
    assert blob == store.put(large) == store.put(data)
    assert (sha256_of_file(large), ref.size_bytes) == (blob.sha256, 11 + len(data))
    assert store.read(ref, "large") == data
    folder = store.download(ref, tmp_path / "copy")
    assert (folder / "large").read_bytes() == data
    written = (folder / "large").stat().st_mtime_ns
    store.download(ref, folder)
    assert (folder / "large").stat().st_mtime_ns == written, "a whole file was fetched again"
    flip_a_byte(folder / "large")
    store.download(ref, folder)
    assert (folder / "large").read_bytes() == data

    flip_a_byte(blob_path(store, blob.pieces[1]))
    assert store.damaged(ref) == ("large",)
    with pytest.raises(CorruptArtifact, match=rf"'a'.*'large'.*{blob.pieces[1]}.*damaged"):
        store.download(ref, tmp_path / "other")
    assert not (tmp_path / "other").exists()
    store.delete("a")
    assert not blob_path(store, blob.pieces[1]).exists()
    assert store.damaged(store.commit("a", "images", {**ENTRIES, "large": data})) == ()


def test_a_writer_that_comes_again_writes_only_the_pieces_that_are_missing(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(3 * PIECE_BYTES))
    store.put_bytes(large.read_bytes()[PIECE_BYTES : 2 * PIECE_BYTES])
    written: list[str] = []
    create = type(store._backend).create
    monkeypatch.setattr(
        type(store._backend), "create", lambda self, key, data: (written.append(key), create(self, key, data))[1]
    )
    blob = store.put(large)
    assert sorted(key.rpartition("/")[2] for key in written) == sorted([blob.pieces[0], blob.pieces[2]])


def test_a_file_that_changes_while_it_is_stored_is_refused(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(PIECE_BYTES + 1))
    put = store.put_bytes
    monkeypatch.setattr(store, "put_bytes", lambda data: (large.write_bytes(b"other"), put(data))[1])
    with pytest.raises(StoreError, match="changed while it was being stored"):
        store.commit("a", "images", {"large": large})
    assert store.find("a") is None


def race(root: str, number: int, barrier: object, answers: object) -> None:
    store = ObjectStore(root)
    barrier.wait()  # type: ignore[attr-defined]
    ref = store.commit("raced", "images", {"shared": b"same", "own": str(number).encode()})
    answers.put((ref.sha256, store.read(ref, "own")))  # type: ignore[attr-defined]


def test_four_processes_that_race_for_a_key_all_get_the_one_winner(store: ObjectStore) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(4), context.Queue()
    racers = [context.Process(target=race, args=(store.root, number, barrier, answers)) for number in range(4)]
    for racer in racers:
        racer.start()
    found = {answers.get(timeout=60) for _ in racers}
    for racer in racers:
        racer.join(timeout=60)
    assert len(found) == 1
    winner = store.find("raced")
    assert winner is not None
    assert found == {(winner.sha256, store.read(winner, "own"))}


WRITER = textwrap.dedent(
    """
    import sys
    from storage.objects import ObjectStore
    store = ObjectStore(sys.argv[1])
    for number in range(10_000):
        entries = {f"{i}.bin": bytes([i]) * 200_000 + f"{sys.argv[2]}-{number}".encode() for i in range(12)}
        store.commit(f"killed/{sys.argv[2]}/{number:05d}", "images", entries)
        print("committed", flush=True)
    """
)


def test_a_writer_killed_at_any_moment_leaves_no_torn_artifact(store: ObjectStore) -> None:
    for attempt, delay_s in enumerate((0.001, 0.012, 0.041, 0.09)):
        command = [sys.executable, "-c", WRITER, store.root, str(attempt)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"committed\n"
            time.sleep(delay_s)
            writer.send_signal(signal.SIGKILL)
    keys = list(store.list("killed"))
    assert {key.split("/")[1] for key in keys} == set("0123")
    for key in keys:
        ref = store.find(key)
        assert ref is not None
        assert len(store.manifest(ref).entries) == 12
        assert store.damaged(ref) == ()
    store.commit("after", "images", ENTRIES)
    assert store.find("after") is not None
