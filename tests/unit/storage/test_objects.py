"""The object store in a folder."""

import hashlib
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.manifest import PIECE_BYTES, Manifest, sha256_of_file
from storage.objects import ObjectStore
from viper.errors import CorruptArtifact, StoreError
from viper.records import ArtifactRef

ENTRIES: dict[str, bytes | Path] = {"images/1.png": b"one", "images/2.png": b"two", "notes.txt": b"three"}


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


def blob_path(store: ObjectStore, sha256: str) -> Path:
    return Path(store.root) / "objects" / "sha256" / sha256[:2] / sha256


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


def test_what_is_committed_is_read_back(store: ObjectStore, tmp_path: Path) -> None:
    file = tmp_path / "weights.bin"
    file.write_bytes(b"w" * 10_000_000)
    ref = store.commit("results/step/a", "images", {**ENTRIES, "weights.bin": file}, {"seed": 7})
    assert (ref.kind, ref.uri, ref.size_bytes) == ("images", "results/step/a", 11 + 10_000_000)
    assert store.find("results/step/a") == ref
    assert store.read(ref, "images/2.png") == b"two"
    assert store.manifest(ref).meta == {"seed": 7}
    folder = store.download(ref, tmp_path / "copy")
    assert (folder / "weights.bin").read_bytes() == file.read_bytes()
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {*ENTRIES, "weights.bin"}


def test_equal_content_has_equal_hash_whatever_the_order_of_its_entries(store: ObjectStore) -> None:
    first = store.commit("a", "images", ENTRIES, {"x": 1, "y": 2})
    second = store.commit("b", "images", dict(reversed(ENTRIES.items())), {"y": 2, "x": 1})
    assert first.sha256 == second.sha256


def test_a_second_commit_of_a_key_returns_the_first_artifact(store: ObjectStore) -> None:
    first = store.commit("a", "images", {"x": b"first"})
    assert store.commit("a", "images", {"x": b"second"}) == first
    assert store.read(first, "x") == b"first"


def test_an_unknown_key_and_an_unknown_entry_are_told_apart(store: ObjectStore) -> None:
    assert store.find("a") is None
    ref = store.commit("a", "images", ENTRIES)
    with pytest.raises(StoreError, match=r"no entry 'images/3.png'. It has: images/1.png"):
        store.read(ref, "images/3.png")


def test_keys_are_listed_in_order_without_placeholders_or_temporary_files(store: ObjectStore) -> None:
    for key in ("run/b", "run/a-1", "run/a", "running/c"):
        store.commit(key, "images", ENTRIES)
    refs = Path(store.root) / "refs" / "run"
    (refs / "empty").mkdir()
    (refs / "9d2f.tmp").write_bytes(b"torn")
    assert list(store.list("run")) == ["run/a", "run/a-1", "run/b"]
    assert list(store.list("nothing")) == []


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "a//b", "./a", "a\\b", "a\0"])
def test_an_entry_cannot_leave_its_folder(store: ObjectStore, name: str) -> None:
    with pytest.raises(StoreError, match="cannot name an entry"):
        store.commit("a", "images", {name: b"x"})
    assert store.find("a") is None


def test_a_manifest_made_elsewhere_cannot_write_outside_the_folder(store: ObjectStore, tmp_path: Path) -> None:
    manifest = Manifest(kind="images", entries={"../escaped": store.put_bytes(b"x")})
    ref = ArtifactRef(kind="images", uri="a", sha256=store.put_bytes(manifest.to_bytes()).sha256, size_bytes=1)
    with pytest.raises(StoreError, match="cannot name an entry"):
        store.download(ref, tmp_path / "deep" / "copy")
    assert not (tmp_path / "deep" / "escaped").exists()


def test_an_entry_cannot_be_the_folder_of_another(store: ObjectStore) -> None:
    with pytest.raises(StoreError, match="also the folder"):
        store.commit("a", "images", {"x": b"1", "x/y": b"2"})


@pytest.mark.parametrize("key", ["../a", "/a", "a//b", "a/", "a/../b", "a b", ".hidden", ""])
def test_a_key_cannot_leave_the_store(store: ObjectStore, key: str) -> None:
    with pytest.raises(StoreError, match="not a store key"):
        store.commit(key, "images", ENTRIES)


def test_figures_that_json_lacks_are_refused(store: ObjectStore) -> None:
    with pytest.raises(StoreError, match="finite numbers"):
        store.commit("a", "images", ENTRIES, {"loss": float("nan")})


def test_a_flipped_byte_is_detected_and_named(store: ObjectStore, tmp_path: Path) -> None:
    ref = store.commit("a", "images", ENTRIES)
    sha256 = store.manifest(ref).entries["images/2.png"].sha256
    flip_a_byte(blob_path(store, sha256))
    with pytest.raises(CorruptArtifact, match=rf"'a'.*'images/2.png'.*{sha256}.*damaged"):
        store.read(ref, "images/2.png")
    with pytest.raises(CorruptArtifact, match=r"images/2\.png"):
        store.download(ref, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not list(tmp_path.glob(".copy*"))
    assert store.damaged(ref) == ("images/2.png",)
    assert store.read(ref, "images/1.png") == b"one"


def test_a_flipped_byte_in_a_manifest_or_a_reference_is_detected(store: ObjectStore) -> None:
    ref = store.commit("a", "images", ENTRIES)
    flip_a_byte(blob_path(store, ref.sha256))
    with pytest.raises(CorruptArtifact, match="its manifest"):
        store.manifest(ref)
    flip_a_byte(Path(store.root) / "refs" / "a.json")
    with pytest.raises(CorruptArtifact, match="its reference"):
        store.find("a")


def test_a_reference_that_misstates_its_artifact_is_not_believed(store: ObjectStore) -> None:
    ref = store.commit("a", "images", ENTRIES)
    with pytest.raises(CorruptArtifact, match="but its manifest says"):
        store.manifest(ref.model_copy(update={"size_bytes": 1}))


@pytest.mark.parametrize("part", ["entry", "manifest", "entry and manifest", "reference", "lost entry"])
def test_a_damaged_artifact_is_repaired_by_deleting_and_committing_it_again(store: ObjectStore, part: str) -> None:
    ref = store.commit("a", "images", ENTRIES)
    entry = blob_path(store, store.manifest(ref).entries["images/1.png"].sha256)
    if "entry" in part:
        flip_a_byte(entry)
    if part == "lost entry":
        entry.unlink()
    if "manifest" in part:
        flip_a_byte(blob_path(store, ref.sha256))
    if part == "reference":
        flip_a_byte(Path(store.root) / "refs" / "a.json")
    store.delete("a")
    assert store.find("a") is None
    again = store.commit("a", "images", ENTRIES)
    if part == "entry and manifest":
        # With its manifest gone nothing named the damaged entry: the next reader does, and a second repair mends it.
        assert store.damaged(again) == ("images/1.png",)
        store.delete("a")
        again = store.commit("a", "images", ENTRIES)
    assert again == ref
    assert store.damaged(again) == ()


def test_deleting_spares_the_sound_blobs_that_others_share(store: ObjectStore) -> None:
    kept = store.commit("kept", "images", ENTRIES)
    store.commit("twin", "images", ENTRIES)
    store.delete("twin")
    assert store.damaged(kept) == ()


def test_a_truncated_blob_is_written_again_when_its_bytes_are_put(store: ObjectStore) -> None:
    blob = store.put_bytes(b"whole")
    blob_path(store, blob.sha256).write_bytes(b"who")
    store.put_bytes(b"whole")
    assert store.get_bytes(blob.sha256) == b"whole"


def test_a_second_download_mends_what_is_missing_or_changed(store: ObjectStore, tmp_path: Path) -> None:
    ref = store.commit("a", "images", ENTRIES)
    folder = store.download(ref, tmp_path / "copy")
    (folder / "images" / "1.png").unlink()
    flip_a_byte(folder / "notes.txt")
    (folder / "mine.txt").write_text("not the artifact's")
    store.download(ref, folder)
    assert (folder / "images" / "1.png").read_bytes() == b"one"
    assert (folder / "notes.txt").read_bytes() == b"three"
    assert (folder / "mine.txt").exists()


def test_a_store_crosses_to_another_process_by_its_root(store: ObjectStore) -> None:
    ref = store.commit("a", "images", ENTRIES)
    copy = pickle.loads(pickle.dumps(store))
    assert copy.read(ref, "notes.txt") == b"three"


def test_a_probe_passes_on_a_good_folder_and_leaves_nothing_behind(store: ObjectStore) -> None:
    store.probe(min_free_bytes=1)
    assert [path for path in Path(store.root).rglob("*") if path.is_file()] == []


def test_a_probe_refuses_a_folder_without_space(store: ObjectStore) -> None:
    with pytest.raises(StoreError, match=r"GiB are free .*expected at least"):
        store.probe(min_free_bytes=2**60)


def test_a_probe_refuses_a_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=str(tmp_path / "file")):
        ObjectStore(str(tmp_path / "file")).probe()


@pytest.mark.parametrize("creates", [(True, True), (False, False)])
def test_a_probe_refuses_a_store_that_ignores_create_only(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, creates: tuple[bool, bool]
) -> None:
    answers = iter(creates)

    def create(self: object, key: str, data: bytes) -> bool:
        path = Path(store.root) / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return next(answers)

    monkeypatch.setattr("storage.folder.Folder.create", create)
    with pytest.raises(StoreError, match=r"ignores create-only|does not give back"):
        store.probe()


@pytest.mark.parametrize("root", ["s3://", "gs://bucket", "http://host/x"])
def test_an_address_that_is_no_store_is_refused(root: str) -> None:
    with pytest.raises(StoreError, match=r"Expected a folder or s3://bucket/prefix"):
        ObjectStore(root)


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
