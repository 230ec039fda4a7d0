"""Where a model comes from, and models by their key."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from storage.layout import champion_key, checkpoint_key, request_key, result_key
from storage.ledger.champions import champion_before
from storage.ledger.lineage import trace
from storage.ledger.models import is_key, stored_model
from storage.ledger.requests import keep_request, settings_sha256
from storage.objects import ObjectStore
from tests.unit.storage.ledger.world import BASE, PROMOTE, dataset, finish, model, ref_path
from viper.errors import ModelError, StoreError
from viper.profiles import load_profile, override
from viper.records import ArtifactRef, ModelRef

SETTINGS = override(load_profile("shapes"), ["evolution=e"])
SETTINGS_SHA256 = settings_sha256(SETTINGS.model_dump(mode="json"))
CHECKPOINT = checkpoint_key("e", 2, "vop", "t", 40)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    store = ObjectStore(str(tmp_path / "store"))
    keep_request(store, "shapes", 2, SETTINGS)
    return store


def stage_model(store: ObjectStore, start: ModelRef, version: ArtifactRef) -> ArtifactRef:
    """What stage csr makes of ``start``."""
    inputs: dict[str, JsonValue] = {
        "start": {"model": start.model_dump(mode="json"), "dtype": "float32", "attention": "sdpa"},
        "datasets": [version.model_dump(mode="json")],
        "stage": {"objective": "grpo", "name": "csr", "lessons": ["csr"], "steps": 4},
        "method": "lora",
        "lora": {"rank": 8},
        "reward": {"kind": "similarity"},
        "shared_prefix": True,
        "seed": {"value": 17},
        "dtype": "float32",
    }
    return store.commit(result_key("model", "csr"), "adapter", {"weights": b"after csr"}, {"inputs": inputs})


def checkpoint(store: ObjectStore, start: str, versions: list[str], method: str = "lora") -> ArtifactRef:
    identity: dict[str, JsonValue] = {
        "stage": "vop",
        "stage_settings": {"steps": 4},
        "method": method,
        "lora": {"rank": 8},
        "reward": {"kind": "similarity"},
        "model": start,
        "dtype": "float32",
        "datasets": list(versions),
        "seed": 17,
        "code_version": "0.1.0+tests",
    }
    return store.commit(CHECKPOINT, "checkpoint", {"adapter": b"weights"}, {"identity": identity, "packed": []})


def test_a_checkpoint_comes_from_the_stages_before_it_the_champion_and_the_base(store: ObjectStore) -> None:
    champion = finish(store, 1, PROMOTE, settings_sha256=SETTINGS_SHA256)
    lessons, questions = (dataset(store, "e", 2, stage, SETTINGS_SHA256) for stage in ("csr", "vop"))
    after_csr = stage_model(store, champion, lessons)
    start = f"{champion.fingerprint}+{after_csr.content_sha256}"
    saved = checkpoint(store, start, [questions.content_sha256])

    found = trace(store, CHECKPOINT)
    assert [one.name for one in found] == [
        "checkpoint 00000040 of vop, round 2",
        "stage csr of round 2",
        "round 1",
        "base",
    ]
    of_vop, of_csr, of_round, base = found
    assert (of_vop.fingerprint, of_vop.datasets) == (saved.content_sha256, (questions,))
    assert (of_vop.request, of_vop.code_version) == (request_key("e", 0), "0.1.0+tests")
    assert of_vop.training["stage_settings"] == {"steps": 4}
    assert (of_csr.fingerprint, of_csr.datasets) == (start, (lessons,))
    assert of_csr.training["stage"] == {"objective": "grpo", "name": "csr", "lessons": ["csr"], "steps": 4}
    assert of_round.fingerprint == champion.fingerprint
    assert (of_round.settings_sha256, of_round.request) == (SETTINGS_SHA256, request_key("e", 0))
    assert base.fingerprint == BASE.fingerprint


def test_a_champion_is_traced_by_its_evolution_or_its_key_also_from_its_copy(store: ObjectStore) -> None:
    finish(store, 1, PROMOTE)
    finish(store, 2, PROMOTE)
    assert [one.name for one in trace(store, "e")] == ["round 2", "round 1", "base"]
    assert [one.name for one in trace(store, champion_key("e", 1))] == ["round 1", "base"]
    ref_path(store, champion_key("e", 1)).unlink()
    assert [one.name for one in trace(store, champion_key("e", 1))] == ["round 1", "base"]


@pytest.mark.parametrize("name", ["missing", "hub/name", champion_key("e", 3), CHECKPOINT, result_key("model", "k")])
def test_what_has_no_lineage_is_refused(store: ObjectStore, name: str) -> None:
    with pytest.raises(StoreError, match="has no lineage in this store"):
        trace(store, name)


def test_a_name_that_cannot_be_an_evolution_is_refused(store: ObjectStore) -> None:
    with pytest.raises(StoreError, match="cannot be the name of an evolution"):
        trace(store, "Not a name")


def test_a_model_of_another_version_is_named(store: ObjectStore) -> None:
    inputs: dict[str, JsonValue] = {"name": "csr", "start": "base-files", "rows": [], "stage": {}}
    old = store.commit(result_key("model", "old"), "model", {"weights": b"old"}, {"inputs": inputs})
    checkpoint(store, old.sha256, [])
    with pytest.raises(StoreError, match=r"results/model/old' does not name the model"):
        trace(store, CHECKPOINT)


def test_a_checkpoint_without_its_identity_is_named(store: ObjectStore) -> None:
    store.commit(CHECKPOINT, "checkpoint", {"adapter": b"weights"})
    for ask in (lambda: trace(store, CHECKPOINT), lambda: stored_model(store, CHECKPOINT, BASE)):
        with pytest.raises(StoreError, match=r"00000040' \(checkpoint\) does not say its identity"):
            ask()


def test_models_are_found_by_their_key(store: ObjectStore) -> None:
    champion = finish(store, 1, PROMOTE)
    assert stored_model(store, champion_key("e", 1), BASE) == champion == champion_before(store, "e", 2)
    ref_path(store, champion_key("e", 1)).unlink()
    assert stored_model(store, champion_key("e", 1), BASE) == champion
    made = model(store, "made").artifact
    assert made is not None
    found = stored_model(store, made.uri, BASE)
    assert (found.artifact, found.fingerprint) == (made, made.content_sha256)
    assert [is_key(name) for name in (made.uri, champion_key("e", 1), "lab/vlm", "models/vlm")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_checkpoint_is_an_adapter_of_what_it_was_trained_from(store: ObjectStore) -> None:
    saved = checkpoint(store, BASE.fingerprint, [])
    found = stored_model(store, CHECKPOINT, BASE)
    assert (found.name, found.settings_path, found.artifact) == ("vop after 40", BASE.settings_path, None)
    assert found.lora == saved == found.made
    assert found.fingerprint == f"{BASE.fingerprint}+{saved.content_sha256}"
    with pytest.raises(ModelError, match="neither in the store nor the base models/base"):
        stored_model(store, CHECKPOINT, BASE.model_copy(update={"fingerprint": "another"}))


def test_a_checkpoint_of_a_later_stage_is_an_adapter_of_the_model_in_the_store(store: ObjectStore) -> None:
    after_csr = model(store, "after csr")
    checkpoint(store, after_csr.fingerprint, [])
    assert stored_model(store, CHECKPOINT, BASE).artifact == after_csr.artifact


def test_an_adapter_is_on_the_weights_that_it_was_trained_on(store: ObjectStore) -> None:
    trained = stage_model(store, BASE, dataset(store, "e", 1, "csr", SETTINGS_SHA256))
    first = stored_model(store, trained.uri, BASE)
    assert (first.settings_path, first.artifact, first.lora, first.made) == (BASE.settings_path, None, trained, trained)
    assert first.fingerprint == f"{BASE.fingerprint}+{trained.content_sha256}"
    # A stage that goes on with it makes another adapter on the same weights.
    saved = checkpoint(store, first.fingerprint, [])
    second = stored_model(store, CHECKPOINT, BASE)
    assert (second.settings_path, second.lora) == (BASE.settings_path, saved)
    assert second.fingerprint == f"{BASE.fingerprint}+{saved.content_sha256}"


def test_an_adapter_may_be_on_weights_that_a_round_made(store: ObjectStore) -> None:
    whole = model(store, "whole weights")
    checkpoint(store, f"{whole.fingerprint}+{'a' * 64}", [])
    found = stored_model(store, CHECKPOINT, BASE)
    assert (found.settings_path, found.artifact) == ("", whole.artifact)
    assert found.fingerprint.startswith(f"{whole.fingerprint}+")


def test_a_checkpoint_of_full_weights_is_a_model_itself(store: ObjectStore) -> None:
    saved = checkpoint(store, BASE.fingerprint, [], method="full")
    assert stored_model(store, CHECKPOINT, BASE).artifact == saved


def test_what_is_no_model_is_refused(store: ObjectStore) -> None:
    with pytest.raises(ModelError, match="nothing lies there"):
        stored_model(store, champion_key("e", 7), BASE)
    with pytest.raises(ModelError, match="'request' lies there"):
        stored_model(store, request_key("e", 0), BASE)
