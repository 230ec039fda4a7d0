"""The object store in a folder."""

import hashlib
import json
import pickle
from pathlib import Path

import pytest

from storage.manifest import Manifest
from storage.objects import ObjectStore
from tests.unit.storage.blob_files import blob_path, flip_a_byte
from viper.errors import CorruptArtifact, StoreError
from viper.records import ArtifactRef

ENTRIES: dict[str, bytes | Path] = {"images/1.png": b"one", "images/2.png": b"two", "notes.txt": b"three"}


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


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


def test_an_older_reference_whose_content_counted_lineage_is_believed_and_a_wrong_one_is_not(
    store: ObjectStore,
) -> None:
    meta = {"lineage": {"round": 1}, "rows": 2}
    ref = store.commit("a", "dataset", {"x": b"1", "README.md": b"of round 1"}, meta)  # type: ignore[arg-type]
    entries = {name: hashlib.sha256(data).hexdigest() for name, data in (("README.md", b"of round 1"), ("x", b"1"))}
    text = json.dumps({"entries": entries, "kind": "dataset", "meta": meta}, sort_keys=True, separators=(",", ":"))
    older = ref.model_copy(update={"content_sha256": hashlib.sha256(text.encode()).hexdigest()})
    assert older != ref
    assert ObjectStore(store.root).manifest(older).meta == meta
    with pytest.raises(CorruptArtifact, match="with the content 0000"):
        ObjectStore(store.root).manifest(ref.model_copy(update={"content_sha256": "0" * 64}))


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
