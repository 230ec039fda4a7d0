"""A reference that is gone is missed, because something else proves that it was there."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.store import app
from flows.start import ask
from storage.layout import (
    champion_copy_key,
    champion_key,
    dataset_key,
    listing_key,
    report_key,
    request_key,
    result_key,
    verdict_key,
)
from storage.ledger.audit import Missing, audit
from storage.ledger.champions import champion_before
from storage.ledger.requests import keep_request
from storage.objects import ObjectStore
from tests.unit.storage.ledger.world import KEEP, PROMOTE, files_of, finish, flip, ref_path
from viper.errors import StoreError
from viper.profiles import load_profile, override

SETTINGS = override(load_profile("shapes"), ["evolution=e"])


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """Two requests, and three rounds, of which the second made a champion."""
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    store = ObjectStore(str(tmp_path / "store"))
    for rounds in (2, 3):
        keep_request(store, "shapes", rounds, SETTINGS)
    for number, verdict in ((1, KEEP), (2, PROMOTE), (3, KEEP)):
        finish(store, number, verdict)
    return store


def verify(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["verify", *arguments])
    return result.exit_code, result.output


def test_nothing_is_missing_in_a_store_that_was_left_alone(store: ObjectStore) -> None:
    assert list(audit(store)) == []
    code, said = verify()
    assert code == 0
    assert "0 of them damaged, and 0 missing." in said


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (verdict_key("e", 2), "round 3 has a verdict"),
        (request_key("e", 0), "there is a request 1"),
        (champion_key("e", 2), "its copy stands at"),
        (champion_copy_key(champion_key("e", 2)), "stands alone"),
        (result_key("model", "round-2"), "the verdict of round 2 names it"),
        (dataset_key("e", 1, "csr", "csr-1"), "the record of round 1 names it as its csr dataset"),
        (report_key("e", 1), "round 1 has a verdict"),
    ],
)
def test_a_reference_that_is_gone_is_missed_once(store: ObjectStore, key: str, reason: str) -> None:
    ref_path(store, key).unlink()
    (missing,) = audit(store)
    assert missing.key == key
    assert reason in missing.reason
    code, said = verify()
    assert code == 1
    assert f"missing   {key}  " in said
    assert "1 missing." in said


def test_the_last_verdict_is_missed_once_the_next_round_began(store: ObjectStore) -> None:
    ref_path(store, verdict_key("e", 3)).unlink()
    assert list(audit(store)) == []  # a round that was killed before its verdict looks like this
    store.commit(listing_key("e", 4, "a" * 16), "listing", {"listing.json": b"[]"})
    assert list(audit(store)) == [Missing(verdict_key("e", 3), "round 4 began")]


@pytest.mark.parametrize("key", [verdict_key("e", 2), request_key("e", 0)])
def test_a_run_refuses_to_start_over_a_gap(store: ObjectStore, key: str) -> None:
    ask(store, "shapes", 3, SETTINGS)
    ref_path(store, key).unlink()
    with pytest.raises(StoreError, match=f"'{key}' is missing, though .*from a copy"):
        ask(store, "shapes", 3, SETTINGS)


def test_a_champion_that_is_gone_together_with_its_copy_is_missed(store: ObjectStore) -> None:
    key = champion_key("e", 2)
    for one in (key, champion_copy_key(key)):
        ref_path(store, one).unlink()
    assert list(audit(store)) == [Missing(key, "round 2 promoted it; its copy is missing, too")]
    code, said = verify("--repair")
    assert code == 1
    assert "though a finished round promoted it" in said


def test_another_artifact_in_the_place_of_a_champions_model_is_no_replacement(store: ObjectStore) -> None:
    key = result_key("model", "round-2")
    store.delete(key)
    store.commit(key, "model", {"weights": b"not the same bits"})
    assert [one.key for one in audit(store)] == [key]


def test_damage_is_left_to_verify(store: ObjectStore) -> None:
    flip(ref_path(store, verdict_key("e", 1)), 80)
    flip(ref_path(store, result_key("model", "round-2")), 80)
    assert list(audit(store)) == []


def test_repair_restores_champions_and_is_clean_afterwards(store: ObjectStore) -> None:
    champion, key = champion_before(store, "e", 4), champion_key("e", 2)
    flip(files_of(store, key)[1], 80)
    code, said = verify()
    assert code == 1
    assert "Other history is never forgotten" in said
    code, said = verify("--repair", "evolutions/another")
    assert code == 2
    assert "Nothing lies under 'evolutions/another'" in said
    assert "restored" not in said
    for prefix in ("evolutions/e", "evolutions/e/champions"):
        flip(ref_path(store, key), 80)
        code, said = verify("--repair", prefix)
        assert code == 0, said
        assert f"restored  {key}" in said
    assert champion_before(ObjectStore(store.root), "e", 4) == champion
    assert verify()[0] == 0


def test_repair_forgets_what_can_be_computed_again_and_no_history(store: ObjectStore) -> None:
    key = dataset_key("e", 1, "csr", "csr-1")
    store.commit(result_key("captions", "k"), "captions", {"captions.json": b"{}"})
    for one in (key, result_key("captions", "k")):
        flip(files_of(store, one)[2], 1)
    code, said = verify("--repair")
    assert code == 1
    assert f"kept      {key}" in said
    assert f"forgotten {result_key('captions', 'k')}" in said
    assert store.find(key) is not None
    assert store.find(result_key("captions", "k")) is None


def test_one_artifact_is_verified_by_its_key(store: ObjectStore) -> None:
    key = verdict_key("e", 1)
    flip(files_of(store, key)[2], 1)
    code, said = verify(key)
    assert code == 1
    assert "1 artifacts in" in said
    assert f"damaged   {key}  round.json" in said
