"""Where a model comes from: dataset versions, settings, code and parent, stage by stage, back to the base."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field, JsonValue

from storage.datasets import lineage
from storage.layout import (
    champion_round,
    checkpoint_round,
    datasets_prefix,
    evolution_of,
    evolution_prefix,
    is_artifact_key,
    is_champion,
    is_checkpoint,
    results_prefix,
)
from storage.ledger.champions import BASE, read_champion, standing_before
from storage.ledger.copies import champion_keys
from storage.ledger.requests import request_of_settings
from storage.ledger.rounds import finished_round
from storage.objects import ObjectStore
from viper.errors import StoreError
from viper.records import ArtifactRef, Record

_CHECKPOINT_FACTS = ("stage_settings", "method", "lora", "reward", "dtype", "seed")
_MODEL_FACTS = ("stage", "method", "lora", "reward", "shared_prefix", "dtype", "seed")


class Ancestor(Record):
    """One model and what made it."""

    name: str
    """``checkpoint …``, ``stage csr``, ``round 2`` or ``base``."""
    fingerprint: str
    """What decides its weights; the hash of its content for a checkpoint."""
    datasets: tuple[ArtifactRef, ...] = ()
    settings_sha256: str = ""
    """Of the whole settings of the round."""
    request: str = ""
    """Key of the request that holds those settings; empty if the store has none."""
    training: dict[str, JsonValue] = Field(default_factory=dict)
    """Settings of the stage that made a checkpoint or a stage's model."""
    code_version: str = ""


def fingerprint_of(ref: ArtifactRef) -> str:
    """What decides the weights of a model in the store: the hash of its content, wherever it lies."""
    return ref.content_sha256 or ref.sha256


def model_with(store: ObjectStore, fingerprint: str) -> ArtifactRef | None:
    """What some stage made whose model has this fingerprint: whole weights, or an adapter; None if there is none."""
    content = fingerprint.rpartition("+")[2]
    refs = (store.find(key) for key in store.list(results_prefix("model")))
    return next((ref for ref in refs if ref and content in (fingerprint_of(ref), ref.sha256)), None)


def fact_of(store: ObjectStore, ref: ArtifactRef, name: str) -> Mapping[str, Any]:
    """One of the facts in an artifact's manifest, which is a mapping itself.

    Raises:
        StoreError: There is no such fact, or it is no mapping.
    """
    found = store.manifest(ref).meta.get(name)
    if not isinstance(found, dict):
        raise StoreError(f"{ref.uri!r} ({ref.kind}) does not say its {name}. Another version of the project wrote it.")
    return found


def trace(store: ObjectStore, name: str) -> list[Ancestor]:
    """The model and its ancestors, youngest first, the base last.

    Args:
        store: Where it lies.
        name: Of an evolution (its champion), or the key of a champion or of a checkpoint.

    Raises:
        StoreError: Nothing of this name has a lineage, or another version of the project wrote it.
    """
    if is_checkpoint(name) and (ref := store.find(name)) is not None:
        return [*_of_checkpoint(store, ref), *_of_champion(store, evolution_of(name), checkpoint_round(name))]
    if is_champion(name) and name in champion_keys(store, evolution_of(name)):
        return list(_of_champion(store, evolution_of(name), champion_round(name) + 1))
    named = not is_artifact_key(name) and "/" not in name
    if named and next(iter(store.list(evolution_prefix(name))), None):
        return list(_of_champion(store, name, None))
    raise StoreError(
        f"{name!r} has no lineage in this store. Expected the name of an evolution, or the key of a champion or "
        "checkpoint below evolutions/."
    )


def _of_checkpoint(store: ObjectStore, ref: ArtifactRef) -> Iterator[Ancestor]:
    """The checkpoint, and the stages before it in its round."""
    evolution, round_number = evolution_of(ref.uri), checkpoint_round(ref.uri)
    identity = fact_of(store, ref, "identity")
    used = _versions(store, evolution, round_number, identity["datasets"])
    yield Ancestor(
        name=f"checkpoint {ref.uri.rpartition('/')[2]} of {identity['stage']}, round {round_number}",
        fingerprint=fingerprint_of(ref),
        datasets=used,
        training=_chosen(identity, _CHECKPOINT_FACTS),
    ).model_copy(update=_made_by(store, evolution, used) | {"code_version": str(identity["code_version"])})
    start = str(identity["model"])
    champions = {read_champion(store, key).fingerprint for key in champion_keys(store, evolution)}
    while start not in champions and (model := model_with(store, start)) is not None:
        inputs = fact_of(store, model, "inputs")
        yield _of_stage(model, inputs, start, round_number)
        start = str(inputs["start"]["model"]["fingerprint"])


def _of_stage(model: ArtifactRef, inputs: Mapping[str, Any], fingerprint: str, round_number: int) -> Ancestor:
    """A model that a stage of this round made."""
    if not isinstance(inputs.get("start"), dict) or not isinstance(inputs.get("stage"), dict):
        raise StoreError(
            f"{model.uri!r} does not name the model that its training started from as this version of the project "
            "does. Trace it with the version that made it."
        )
    return Ancestor(
        name=f"stage {inputs['stage']['name']} of round {round_number}",
        fingerprint=fingerprint,
        datasets=tuple(ArtifactRef.model_validate(one) for one in inputs["datasets"]),
        training=_chosen(inputs, _MODEL_FACTS),
    )


def _of_champion(store: ObjectStore, evolution: str, before: int | None) -> Iterator[Ancestor]:
    """The champion before a round, or the last one; its parent; and so on to the base."""
    while (standing := standing_before(store, evolution, before)) is not None:
        # A champion that was put back comes from the round that made it.
        maker = str(standing.facts.get("rolled_back_to", standing.key))
        if maker == BASE:
            break
        before = champion_round(maker)
        result = finished_round(store, evolution, before)
        versions = tuple(result.datasets.values()) if result else ()
        found = Ancestor(name=f"round {before}", fingerprint=standing.champion.fingerprint, datasets=versions)
        yield found.model_copy(update=_made_by(store, evolution, versions))
    first = finished_round(store, evolution, 1)
    yield Ancestor(name="base", fingerprint=first.base.fingerprint if first else "unknown: no round is finished")


def _versions(store: ObjectStore, evolution: str, round_number: int, contents: list[str]) -> tuple[ArtifactRef, ...]:
    """The dataset versions of a round that a training names, by the hash of their content."""
    found = (store.find(key) for key in store.list(datasets_prefix(evolution, round_number)))
    return tuple(ref for ref in found if ref and (ref.content_sha256 in contents or ref.sha256 in contents))


def _chosen(facts: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, JsonValue]:
    return {name: facts[name] for name in names if name in facts}


def _made_by(store: ObjectStore, evolution: str, versions: tuple[ArtifactRef, ...]) -> dict[str, str]:
    """Settings and code of a round, as its dataset versions name them."""
    facts = [lineage(store, version) for version in versions]
    codes = ", ".join(sorted({str(fact["code_version"]) for fact in facts}))
    settings_sha256 = str(facts[0]["settings_sha256"]) if facts else ""
    request = request_of_settings(store, evolution, settings_sha256) if settings_sha256 else ""
    return {"settings_sha256": settings_sha256, "request": request, "code_version": codes}
