"""Many small entries lie in one blob, and are read, verified and repaired as if each were its own."""

import os
import time
from pathlib import Path

import pytest

from storage.maintenance import MIN_AGE_S, find_garbage, verify
from storage.objects import ObjectStore
from storage.packs import FEWEST, PACK_BYTES, PACKED_BYTES, group_small
from viper.errors import CorruptArtifact

SMALL: dict[str, bytes | Path] = {f"{number:03d}.png": f"picture {number}".encode() for number in range(50)}


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


def blob_path(store: ObjectStore, sha256: str) -> Path:
    return Path(store.root) / "objects" / "sha256" / sha256[:2] / sha256


def test_small_entries_take_one_blob_and_come_back_each_by_its_name(store: ObjectStore, tmp_path: Path) -> None:
    large = os.urandom(PACKED_BYTES + 1)
    ref = store.commit("a", "images", {**SMALL, "large": large, "empty": b""})
    assert len(store.blobs()) == 3  # the pack, the large one, the manifest
    assert ref.size_bytes == sum(len(bytes(content)) for content in SMALL.values() if isinstance(content, bytes)) + len(
        large
    )
    fresh = ObjectStore(store.root)
    assert {name: fresh.read(ref, name) for name in SMALL} == SMALL
    assert (fresh.read(ref, "large"), fresh.read(ref, "empty")) == (large, b"")
    folder = store.download(ref, tmp_path / "copy")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {**SMALL, "large": large, "empty": b""}
    (folder / "007.png").write_bytes(b"changed here")
    (folder / "008.png").unlink()
    store.download(ref, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {**SMALL, "large": large, "empty": b""}


def test_files_and_bytes_make_the_same_packs(store: ObjectStore, tmp_path: Path) -> None:
    files: dict[str, bytes | Path] = {}
    for name, content in SMALL.items():
        assert isinstance(content, bytes)
        (tmp_path / name).write_bytes(content)
        files[name] = tmp_path / name
    turned = dict(reversed(files.items()))
    first, second = store.commit("a", "images", SMALL), store.commit("b", "images", turned)
    assert first.sha256 == second.sha256


def test_a_few_small_entries_stay_blobs_of_their_own(store: ObjectStore) -> None:
    few = dict(list(SMALL.items())[: FEWEST - 1])
    ref = store.commit("a", "images", few)
    assert all(not blob.pack for blob in store.manifest(ref).entries.values())


def test_a_pack_is_closed_when_it_is_large_enough() -> None:
    entries = {f"{number:04d}": b"x" * PACKED_BYTES for number in range(2 * PACK_BYTES // PACKED_BYTES + 1)}
    groups = group_small(entries)
    assert [name for names in groups for name in names] == sorted(entries)
    assert [len(names) for names in groups] == [PACK_BYTES // PACKED_BYTES, PACK_BYTES // PACKED_BYTES, 1]


def test_a_flipped_byte_of_a_pack_is_named_and_repaired(store: ObjectStore, tmp_path: Path) -> None:
    ref = store.commit("a", "images", SMALL)
    blob = store.manifest(ref).entries["003.png"]
    path = blob_path(store, blob.stored[0])
    data = bytearray(path.read_bytes())
    data[blob.offset] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptArtifact, match=r"'a' cannot be trusted, because of '003\.png'"):
        ObjectStore(store.root).read(ref, "003.png")
    with pytest.raises(CorruptArtifact):
        store.download(ref, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert store.damaged(ref) == tuple(SMALL)
    assert {one.reason for one in verify(store)} == {"damaged"}
    store.delete("a")
    store.commit("a", "images", SMALL)
    assert store.read(ref, "003.png") == SMALL["003.png"]
    assert list(verify(store)) == []


def test_a_pack_that_is_referred_to_is_no_garbage(store: ObjectStore) -> None:
    store.commit("a", "images", SMALL)
    for sha256 in store.blobs():
        long_ago = time.time() - MIN_AGE_S - 60
        os.utime(blob_path(store, sha256), (long_ago, long_ago))
    assert find_garbage(store).removable == {}
    store._backend.remove("refs/a.json")
    assert len(find_garbage(store).removable) == 2
