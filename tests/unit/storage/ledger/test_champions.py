"""Champions: append-only, the last one counts, and put back by a new one."""

from pathlib import Path

import pytest

from storage.layout import champion_key, champions_prefix
from storage.ledger.audit import audit
from storage.ledger.champions import champion_before, history, keep_champion, read_champion, rollback
from storage.ledger.lineage import trace
from storage.objects import ObjectStore
from tests.unit.storage.ledger.world import KEEP, PROMOTE, finish, model
from viper.errors import ProfileError, StoreError


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


def test_an_evolution_without_a_champion_has_none(store: ObjectStore) -> None:
    assert champion_before(store, "e", 1) is None
    finish(store, 1, KEEP)
    assert champion_before(store, "e", 2) is None
    assert [one.key for one in history(store, "e")] == ["base"]


def test_the_first_champion_of_a_round_stands(store: ObjectStore) -> None:
    first, second = model(store, "first"), model(store, "second")
    assert keep_champion(store, "e", 1, first, "sees better") == first
    assert keep_champion(store, "e", 1, second, "sees better still") == first
    assert read_champion(store, champion_key("e", 1)) == first
    assert champion_before(store, "e", 1) is None


def test_a_rollback_is_appended_and_the_next_round_starts_from_it(store: ObjectStore) -> None:
    first, _, third = (finish(store, number, verdict) for number, verdict in ((1, PROMOTE), (2, KEEP), (3, PROMOTE)))
    assert champion_before(store, "e", 4) == third
    before = list(store.list(champions_prefix("e")))

    reign = rollback(store, "e", 1, "round 3 forgot how to count")
    assert reign.champion == first
    assert rollback(store, "e", 1, "once more") == reign  # already so: nothing is appended
    assert list(store.list(champions_prefix("e"))) == [*before, f"{champion_key('e', 3)}.0001"]
    assert champion_before(store, "e", 4) == first
    assert champion_before(store, "e", 3) == first  # finished rounds find what they found
    assert [one.name for one in trace(store, "e")] == ["round 1", "base"]

    fourth = finish(store, 4, PROMOTE)
    assert champion_before(store, "e", 5) == fourth
    assert [(one.champion.name, one.rollback) for one in history(store, "e")] == [
        ("base", False),
        ("round 1", False),
        ("round 3", False),
        ("round 1", True),
        ("round 4", False),
    ]
    assert list(audit(store)) == []


def test_the_base_can_be_put_back(store: ObjectStore) -> None:
    finish(store, 1, PROMOTE)
    assert rollback(store, "e", 0, "start over").champion.name == "base"
    assert champion_before(store, "e", 2) is None
    assert [one.name for one in trace(store, "e")] == ["base"]
    assert rollback(store, "e", 1, "after all").champion.name == "round 1"
    assert [one.name for one in trace(store, "e")] == ["round 1", "base"]


def test_a_round_that_made_no_champion_cannot_be_put_back(store: ObjectStore) -> None:
    with pytest.raises(ProfileError, match="no finished round"):
        rollback(store, "e", 0, "too early")
    finish(store, 1, PROMOTE)
    finish(store, 2, KEEP)
    with pytest.raises(ProfileError, match=r"Round 2 .* made no champion\. Rounds that did \(0: base\): 0, 1\."):
        rollback(store, "e", 2, "why not")


def test_of_two_rollbacks_at_the_same_moment_one_is_told(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(store, 1, PROMOTE)
    finish(store, 2, PROMOTE)
    seen = history(store, "e")
    rollback(store, "e", 0, "somebody else's")
    monkeypatch.setattr("storage.ledger.champions.history", lambda store, evolution: seen)
    with pytest.raises(StoreError, match="Somebody else rolled 'e' back"):
        rollback(store, "e", 1, "at the same moment")


def test_a_champion_of_another_version_is_named(store: ObjectStore) -> None:
    store.commit(champion_key("e", 1), "champion", {"champion.json": b"{}"}, {"reason": "it was better"})
    with pytest.raises(
        StoreError, match=r"champions/0001' holds no ModelRef .*\(see its fingerprint, name\): another version"
    ):
        champion_before(store, "e", 2)
