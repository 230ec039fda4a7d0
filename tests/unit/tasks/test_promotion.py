"""A candidate becomes champion only after the champion that it was compared with."""

from pathlib import Path

import pytest

from storage.ledger.champions import champion_before, rollback
from storage.objects import ObjectStore
from tasks import promotion
from tasks.promotion import promote
from tests.unit.storage.ledger.world import BASE, KEEP, PROMOTE, finish, model
from viper.errors import ChampionChanged


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setattr(promotion, "announce_champion", lambda *_: None)
    return ObjectStore(str(tmp_path / "store"))


def test_a_promoted_candidate_is_the_next_rounds_champion(store: ObjectStore) -> None:
    first, candidate = finish(store, 1, PROMOTE), model(store, "candidate")
    assert promote(store, "e", 2, BASE, first, candidate, PROMOTE) == candidate
    assert champion_before(store, "e", 3) == candidate


def test_a_candidate_that_is_not_promoted_leaves_the_champion(store: ObjectStore) -> None:
    first, candidate = finish(store, 1, PROMOTE), model(store, "candidate")
    assert promote(store, "e", 2, BASE, first, candidate, KEEP) == first
    assert champion_before(store, "e", 3) == first


def test_a_candidate_that_met_a_champion_who_was_rolled_back_meanwhile_is_refused(store: ObjectStore) -> None:
    finish(store, 1, PROMOTE)
    second, candidate = finish(store, 2, PROMOTE), model(store, "candidate")
    rollback(store, "e", 1, "round 2 forgot how to count")
    with pytest.raises(ChampionChanged, match="compared its candidate with round 2, which is no longer the champion"):
        promote(store, "e", 3, BASE, second, candidate, PROMOTE)
    first = champion_before(store, "e", 4)
    assert first is not None
    assert first.name == "round 1"
