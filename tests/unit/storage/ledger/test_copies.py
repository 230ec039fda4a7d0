"""Champions stand twice: whatever is lost of one of the two comes back from the other, bit by bit."""

import logging
from pathlib import Path
from typing import Any

import pytest

from storage.layout import champion_copy_key, champion_key
from storage.ledger.audit import audit
from storage.ledger.champions import champion_before, heal, history, keep_champion, read_champion, rollback
from storage.ledger.copies import champion_keys
from storage.maintenance import verify
from storage.objects import ObjectStore
from tests.unit.storage.ledger.world import BASE, KEEP, PROMOTE, blob_path, files_of, finish, flip, model, ref_path
from viper.errors import CorruptArtifact, StoreError
from viper.records import ModelRef

KEY = champion_key("e", 1)
COPY = champion_copy_key(KEY)
PARTS = ("reference", "manifest", "entry")
STRIDE_BITS = 61
"""Every so many bits one is flipped. Nothing divides it, so that all bits of a byte have their turn."""


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


@pytest.fixture
def champion(store: ObjectStore) -> ModelRef:
    return finish(store, 1, PROMOTE)


def is_sound(store: ObjectStore) -> bool:
    fresh = ObjectStore(store.root)
    return not list(verify(fresh)) and not list(audit(fresh))


def snapshot(store: ObjectStore) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path(store.root).rglob("*") if path.is_file()}


def test_a_champion_and_its_copy_share_no_file(
    store: ObjectStore, champion: ModelRef, caplog: pytest.LogCaptureFixture
) -> None:
    assert caplog.get_records("setup") == []  # nothing to warn of
    assert len({*files_of(store, KEY), *files_of(store, COPY)}) == 6
    assert is_sound(store)


@pytest.mark.parametrize("key", [KEY, COPY], ids=["champion", "copy"])
@pytest.mark.parametrize("part", range(3), ids=PARTS)
def test_a_flipped_bit_costs_nothing(store: ObjectStore, champion: ModelRef, key: str, part: int) -> None:
    path, before = files_of(store, key)[part], snapshot(store)
    for bit in range(0, 8 * path.stat().st_size, STRIDE_BITS):
        flip(path, bit)
        damaged = snapshot(store)
        fresh = ObjectStore(store.root)
        assert champion_before(fresh, "e", 2) == champion
        assert history(fresh, "e")[-1].reason == PROMOTE.reason
        assert snapshot(store) == damaged  # reading writes nothing
        assert heal(fresh, "e") == [key]
        assert snapshot(store) == before
        assert champion_before(fresh, "e", 2) == champion
    assert is_sound(store)
    assert heal(store, "e") == []


@pytest.mark.parametrize("key", [KEY, COPY], ids=["champion", "copy"])
def test_a_reference_that_is_gone_comes_back(store: ObjectStore, champion: ModelRef, key: str) -> None:
    before = snapshot(store)
    ref_path(store, key).unlink()
    assert champion_keys(store, "e") == [KEY]
    assert champion_before(store, "e", 2) == champion
    assert not is_sound(store)
    assert heal(store, "e") == [key]
    assert snapshot(store) == before
    assert is_sound(store)


def test_all_files_of_a_champion_may_be_damaged_at_once(store: ObjectStore, champion: ModelRef) -> None:
    before = snapshot(store)
    for path in files_of(store, KEY):
        flip(path, 100)
    assert champion_before(ObjectStore(store.root), "e", 2) == champion
    assert heal(store, "e") == [KEY]
    assert snapshot(store) == before


def test_a_reference_that_is_gone_comes_back_although_its_blobs_are_damaged(
    store: ObjectStore, champion: ModelRef
) -> None:
    before = snapshot(store)
    for path in files_of(store, KEY)[1:]:
        flip(path, 100)
    ref_path(store, KEY).unlink()
    assert heal(store, "e") == [KEY]
    assert snapshot(store) == before


@pytest.mark.parametrize("first", range(3), ids=PARTS)
@pytest.mark.parametrize("second", range(3), ids=PARTS)
def test_a_champion_that_is_damaged_twice_stops_everything(
    store: ObjectStore, champion: ModelRef, first: int, second: int
) -> None:
    for path in (files_of(store, KEY)[first], files_of(store, COPY)[second]):
        flip(path, 99)
    damaged = snapshot(store)
    for refused in (
        lambda fresh: champion_before(fresh, "e", 2),
        lambda fresh: read_champion(fresh, KEY),
        lambda fresh: heal(fresh, "e"),
        lambda fresh: keep_champion(fresh, "e", 1, champion, "again"),
        lambda fresh: rollback(fresh, "e", 0, "away from it"),
    ):
        with pytest.raises(StoreError, match=rf"'{KEY}' is lost.*'{COPY}'.*from a copy of .*viper store verify"):
            refused(ObjectStore(store.root))
    assert snapshot(store) == damaged


def test_a_champion_whose_references_are_both_gone_is_missed_when_a_run_starts(
    store: ObjectStore, champion: ModelRef
) -> None:
    finish(store, 2, KEEP)
    for key in (KEY, COPY):
        ref_path(store, key).unlink()
    with pytest.raises(StoreError, match=rf"'{KEY}' and its copy are missing, though a finished round promoted it"):
        heal(store, "e")


def test_the_other_champions_are_restored_when_one_is_lost(store: ObjectStore, champion: ModelRef) -> None:
    finish(store, 2, PROMOTE)
    for key in (KEY, COPY, champion_key("e", 2)):
        flip(files_of(store, key)[1], 0)
    with pytest.raises(StoreError, match=f"'{KEY}' is lost"):
        heal(store, "e")
    assert {one.key for one in verify(ObjectStore(store.root))} == {KEY, COPY}


def test_a_champion_of_an_older_version_gets_its_copy_when_a_run_starts(store: ObjectStore) -> None:
    model_of_old = model(store, "round 1")
    data = model_of_old.model_dump_json().encode()  # another text than this version's
    ref = store.commit(KEY, "champion", {"champion.json": data}, {"reason": "it was better"})
    assert champion_before(store, "e", 2) == model_of_old
    assert list(store.list("evolutions/e/champion-copies")) == []
    assert heal(store, "e") == [COPY]
    flip(files_of(store, KEY)[2], 3)
    assert heal(store, "e") == [KEY]
    assert store.find(KEY) == ref
    assert store.read(ref, "champion.json") == data


def test_a_writer_that_was_killed_before_the_copy_loses_nothing(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = ObjectStore.commit

    def killed(self: ObjectStore, key: str, *arguments: Any) -> Any:
        if key == COPY:
            raise KeyboardInterrupt
        return commit(self, key, *arguments)

    candidate = model(store, "round 1")
    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            keep_champion(store, "e", 1, candidate, "sees better")
    assert champion_before(store, "e", 2) == candidate
    assert keep_champion(store, "e", 1, model(store, "another"), "late") == candidate
    assert is_sound(store)


def test_a_champion_that_only_its_copy_knows_is_not_replaced(store: ObjectStore, champion: ModelRef) -> None:
    ref_path(store, KEY).unlink()
    assert keep_champion(store, "e", 1, model(store, "another"), "late") == champion
    assert is_sound(store)


def test_a_champion_and_a_copy_that_contradict_each_other_are_both_kept(store: ObjectStore, champion: ModelRef) -> None:
    store.delete(KEY)
    store.commit(KEY, "champion", {"champion.json": BASE.model_dump_json().encode()}, {"reason": "by hand"})
    before = snapshot(store)
    with pytest.raises(StoreError, match="name different champions"):
        heal(store, "e")
    assert snapshot(store) == before


def test_a_copy_that_was_moved_to_another_champion_is_not_believed(store: ObjectStore, champion: ModelRef) -> None:
    finish(store, 2, PROMOTE)
    ref = store.find(COPY)
    assert ref is not None
    other = champion_copy_key(champion_key("e", 2))
    ref_path(store, other).write_text(ref.model_copy(update={"uri": other}).model_dump_json())
    assert heal(store, "e") == [other]
    assert is_sound(store)


def test_champions_that_share_a_blob_are_both_restored(store: ObjectStore, champion: ModelRef) -> None:
    finish(store, 2, PROMOTE)
    again = rollback(store, "e", 1, "back")
    shared = files_of(store, KEY)[2]
    assert shared == files_of(store, again.key)[2]
    before = snapshot(store)
    flip(shared, 17)
    assert champion_before(ObjectStore(store.root), "e", 3) == champion
    heal(store, "e")
    assert snapshot(store) == before
    assert is_sound(store)


def test_a_warning_names_what_is_read_from_the_copy(
    store: ObjectStore, champion: ModelRef, caplog: pytest.LogCaptureFixture
) -> None:
    blob_path(store, files_of(store, KEY)[1].name).unlink()
    with caplog.at_level(logging.WARNING):
        champion_before(ObjectStore(store.root), "e", 2)
    assert KEY in caplog.text
    assert "read from its copy" in caplog.text


def test_a_flipped_bit_in_what_a_reference_says_of_the_content_is_found(store: ObjectStore) -> None:
    ref = store.commit("results/a/1", "a", {"x": b"one"})
    path = ref_path(store, "results/a/1")
    path.write_text(path.read_text().replace(ref.content_sha256, ref.sha256))
    found = store.find("results/a/1")
    assert found is not None
    with pytest.raises(CorruptArtifact, match="with the content"):
        store.manifest(found)
