"""What is asked of an evolution is kept once, and a retried run asks for nothing more."""

import json
from pathlib import Path

import pytest

from storage.layout import request_key
from storage.ledger import requests
from storage.ledger.requests import (
    Request,
    keep_request,
    known_commits,
    last_request,
    named_evolution,
    request_of_settings,
    settings_sha256,
)
from storage.objects import ObjectStore
from tests.unit.storage.ledger.world import files_of, flip, ref_path
from viper.errors import CorruptArtifact, ProfileError, StoreError
from viper.profiles import load_profile, override

SETTINGS = load_profile("shapes")
FIRST, SECOND = "1" * 40, "2" * 40


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


def kept(store: ObjectStore) -> list[str]:
    return list(store.list("evolutions/shapes/requests"))


def test_a_request_is_kept_once_until_something_else_is_asked(store: ObjectStore) -> None:
    assert [keep_request(store, "shapes", rounds, SETTINGS) for rounds in (1, 1, 2)] == [1, 1, 2]
    assert len(kept(store)) == 2
    assert last_request(store, "") == Request(profile="shapes", rounds=2, settings=SETTINGS)
    keep_request(store, "shapes", 2, override(SETTINGS, ["seed=18"]))
    assert last_request(store, "shapes").settings.seed == 18


def test_a_retried_run_asks_for_the_rounds_that_it_asked_for_first(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = 3
    monkeypatch.setattr(requests, "count_finished", lambda store, evolution: finished)
    assert keep_request(store, "shapes", 2, SETTINGS, run="a") == 5
    finished = 4  # one of its two rounds, then it failed
    assert keep_request(store, "shapes", 2, SETTINGS, run="a") == 5
    assert last_request(store, "shapes").rounds == 5
    assert len(kept(store)) == 1
    finished = 5
    assert keep_request(store, "shapes", 2, SETTINGS, run="b") == 7


def test_a_revision_means_for_ever_what_it_meant_first(store: ObjectStore) -> None:
    keep_request(store, "shapes", 1, SETTINGS, commits={"lab/vlm@main": FIRST})
    keep_request(store, "shapes", 1, SETTINGS, commits={"lab/vlm@main": SECOND})
    assert len(kept(store)) == 1
    keep_request(store, "shapes", 1, SETTINGS, commits={"lab/judge@main": SECOND})
    keep_request(store, "shapes", 3, SETTINGS)
    expected = {"lab/vlm@main": FIRST, "lab/judge@main": SECOND}
    assert known_commits(store, "shapes") == last_request(store, "shapes").commits == expected
    assert known_commits(store, "another") == {}


def test_a_retried_run_that_learns_a_commit_keeps_it(store: ObjectStore) -> None:
    keep_request(store, "shapes", 2, SETTINGS, run="a")
    assert keep_request(store, "shapes", 2, SETTINGS, run="a", commits={"lab/vlm@main": FIRST}) == 2
    assert keep_request(store, "shapes", 2, SETTINGS, run="a", commits={"lab/vlm@main": SECOND}) == 2
    assert len(kept(store)) == 2
    assert last_request(store, "shapes").commits == {"lab/vlm@main": FIRST}


def test_a_request_of_an_older_version_knows_no_commits_and_is_not_repeated(store: ObjectStore) -> None:
    old = {"profile": "shapes", "rounds": 2, "settings": SETTINGS.model_dump(mode="json"), "run": ""}
    store.commit(request_key("shapes", 0), "request", {"request.json": json.dumps(old).encode()})
    assert last_request(store, "shapes") == Request(profile="shapes", rounds=2, settings=SETTINGS)
    assert keep_request(store, "shapes", 2, SETTINGS) == 2
    assert len(kept(store)) == 1


def test_a_lost_request_does_not_swallow_the_next_one(store: ObjectStore) -> None:
    for rounds in (1, 2, 3):
        keep_request(store, "shapes", rounds, SETTINGS)
    ref_path(store, request_key("shapes", 1)).unlink()
    assert keep_request(store, "shapes", 4, SETTINGS) == 4
    assert kept(store)[-1] == request_key("shapes", 3)
    assert last_request(store, "shapes").rounds == 4


def test_two_that_ask_at_the_same_moment_are_both_kept(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = ObjectStore.commit

    def overtaken(*arguments: object, **named: object) -> object:
        monkeypatch.setattr(ObjectStore, "commit", commit)
        keep_request(store, "shapes", 1, SETTINGS)
        return commit(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ObjectStore, "commit", overtaken)
    keep_request(store, "shapes", 2, SETTINGS)
    assert kept(store) == [request_key("shapes", 0), request_key("shapes", 1)]
    assert last_request(store, "shapes").rounds == 2


def test_an_evolution_is_found_by_its_name_or_because_it_is_the_only_one(store: ObjectStore) -> None:
    with pytest.raises(ProfileError, match=r"Which evolution\? In this store: none yet"):
        last_request(store, "")
    keep_request(store, "shapes", 1, SETTINGS)
    assert named_evolution(store, "") == "shapes"
    keep_request(store, "shapes", 1, override(SETTINGS, ["evolution=other"]))
    with pytest.raises(ProfileError, match=r"Which evolution\? In this store: other, shapes"):
        last_request(store, "")
    with pytest.raises(ProfileError, match=r"no evolution 'missing'"):
        last_request(store, "missing")


def test_an_evolution_that_was_never_asked_for_says_so(store: ObjectStore) -> None:
    store.commit("evolutions/shapes/rounds/0001/report", "report", {"report.md": b""})
    with pytest.raises(StoreError, match="'shapes' has no request"):
        last_request(store, "shapes")


def test_a_damaged_request_is_told_as_a_loss_of_history(store: ObjectStore) -> None:
    keep_request(store, "shapes", 1, SETTINGS)
    flip(files_of(store, request_key("shapes", 0))[2], 80)
    with pytest.raises(CorruptArtifact, match=r"requests/000000' is damaged.*bring it.*back from a copy"):
        keep_request(ObjectStore(store.root), "shapes", 1, SETTINGS)


def test_a_request_is_found_by_the_hash_of_its_settings(store: ObjectStore) -> None:
    changed = override(SETTINGS, ["seed=18"])
    keep_request(store, "shapes", 1, SETTINGS)
    keep_request(store, "shapes", 1, changed)
    sha256 = settings_sha256(changed.model_dump(mode="json"))
    assert sha256 == changed.sha256
    assert sha256 == override(changed, ["run.workers=ray"]).sha256, "whoever does the work"
    assert request_of_settings(store, "shapes", sha256) == request_key("shapes", 1)
    assert request_of_settings(store, "shapes", "0" * 64) == ""
