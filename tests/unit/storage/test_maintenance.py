"""Verifying, measuring and clearing away."""

import os
import time
from pathlib import Path

import pytest

from storage import maintenance
from storage.blobs import RENEW_AFTER_S
from storage.maintenance import MIN_AGE_S, Damage, clear, find_garbage, usage, verify
from storage.objects import ObjectStore
from viper.errors import CorruptArtifact, StoreError

DAY_S = 24 * 3600.0


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


def blob_path(store: ObjectStore, sha256: str) -> Path:
    return Path(store.root) / "objects" / "sha256" / sha256[:2] / sha256


def age(store: ObjectStore, seconds: float) -> None:
    """Make every blob that much older."""
    for sha256 in store.blobs():
        path = blob_path(store, sha256)
        written = path.stat().st_mtime - seconds
        os.utime(path, (written, written))


def test_verify_names_what_is_missing_and_damaged_and_reads_shared_blobs_once(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store.commit("results/a/1", "a", {"x": b"shared", "y": b"own"})
    store.commit("results/b/1", "b", {"z": b"shared"})
    assert list(verify(store)) == []

    entries = store.manifest(first).entries
    blob_path(store, entries["x"].sha256).write_bytes(b"sharee")
    blob_path(store, entries["y"].sha256).unlink()
    read: list[str] = []
    state = store.blob_state
    monkeypatch.setattr(store, "blob_state", lambda sha256: (read.append(sha256), state(sha256))[1])
    assert sorted(verify(store), key=lambda one: (one.key, one.entry)) == [
        Damage("results/a/1", "x", "damaged"),
        Damage("results/a/1", "y", "missing"),
        Damage("results/b/1", "z", "damaged"),
    ]
    assert len(read) == len(set(read)) == 2
    assert [one.key for one in verify(store, "results/b")] == ["results/b/1"]
    assert [one.key for one in verify(store, "results/b/1")] == ["results/b/1"]
    assert maintenance.keys_of(store, "results/a/") == maintenance.keys_of(store, "results/a/1") == ["results/a/1"]
    assert maintenance.keys_of(store, "") == ["results/a/1", "results/b/1"]


def test_verify_names_a_damaged_manifest_and_a_damaged_reference(store: ObjectStore) -> None:
    ref = store.commit("results/a/1", "a", {"x": b"one"})
    store.commit("results/a/2", "a", {"x": b"two"})
    blob_path(store, ref.sha256).write_bytes(b"{}")
    (Path(store.root) / "refs" / "results" / "a" / "2.json").write_bytes(b"?")
    found = list(ObjectStore(store.root).list("")) and list(verify(ObjectStore(store.root)))
    assert [(one.key, one.entry) for one in found] == [("results/a/1", ""), ("results/a/2", "")]
    assert "manifest" in found[0].reason
    assert "reference" in found[1].reason


def test_usage_counts_by_step_and_evolution(store: ObjectStore) -> None:
    store.commit("results/captions/1", "captions", {"x": b"12345"})
    store.commit("results/captions/2", "captions", {"x": b"12345"})
    store.commit("evolutions/main/rounds/0001/verdict", "round", {"x": b"1"})
    assert {name: (one.artifacts, one.size_bytes) for name, one in usage(store).items()} == {
        "evolutions/main": (1, 1),
        "results/captions": (2, 10),
    }


def test_only_old_blobs_that_nothing_reaches_are_cleared(store: ObjectStore) -> None:
    kept = store.commit("results/a/1", "a", {"x": b"kept", "y": b"shared"})
    store.commit("results/a/2", "a", {"x": b"dropped", "y": b"shared"})
    store._backend.remove("refs/results/a/2.json")
    assert find_garbage(store).removable == {}
    assert find_garbage(store).spared == 2  # the manifest, and what it alone referred to

    age(store, DAY_S)
    store.put_bytes(b"by a writer that is still at work")
    garbage = find_garbage(store)
    assert sorted(garbage.removable.values())[0] == len(b"dropped")
    assert (len(garbage.removable), garbage.spared) == (2, 1)
    clear(store, garbage)
    assert store.damaged(kept) == ()
    assert len(store.blobs()) == 4
    assert find_garbage(store).removable == {}


def test_a_writer_that_finds_an_old_blob_renews_it(store: ObjectStore, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"of a file")
    blobs = [store.put_bytes(b"of bytes"), store.put(file)]
    age(store, RENEW_AFTER_S - 60)
    written = [blob_path(store, blob.sha256).stat().st_mtime for blob in blobs]
    store.put_bytes(b"of bytes"), store.put(file)
    assert [blob_path(store, blob.sha256).stat().st_mtime for blob in blobs] == written
    age(store, 120)
    # A writer has put its blobs again and is about to write its reference, when somebody clears away.
    store.put_bytes(b"of bytes"), store.put(file)
    clear(store, find_garbage(store))
    assert store.get_bytes(blobs[0].sha256) == b"of bytes"
    assert time.time() - blob_path(store, blobs[1].sha256).stat().st_mtime < 60


def test_too_low_an_age_is_refused(store: ObjectStore) -> None:
    with pytest.raises(StoreError, match="at least 24 hours"):
        find_garbage(store, MIN_AGE_S - 1)


def test_nothing_is_cleared_while_a_manifest_cannot_be_read(store: ObjectStore) -> None:
    ref = store.commit("results/a/1", "a", {"x": b"one"})
    blob_path(store, ref.sha256).write_bytes(b"{}")
    with pytest.raises(CorruptArtifact):
        find_garbage(ObjectStore(store.root))
    assert maintenance.MIN_AGE_S == 2 * RENEW_AFTER_S
