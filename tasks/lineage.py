"""Where a model comes from: dataset versions, settings, code and parent, stage by stage, back to the base."""

from collections.abc import Iterator

from pydantic import Field, JsonValue

from storage.layout import champion_round, champions_prefix, checkpoint_round, requests_prefix
from tasks.champions import BASE
from tasks.promotion import read_champion
from tasks.reporting import finished_round
from tasks.step import key_of, open_store, read_json
from tasks.versioning import rows_sha256
from viper.errors import StoreError
from viper.records import ArtifactRef, Record


class Ancestor(Record):
    """One model and what made it."""

    name: str
    """``checkpoint …``, ``stage csr``, ``round 2`` or ``base``."""
    fingerprint: str
    """What decides its weights; the key's artifact hash for a checkpoint."""
    datasets: tuple[ArtifactRef, ...] = ()
    settings_sha256: str = ""
    """Of the whole settings of the round."""
    request: str = ""
    """Key of the request that holds those settings; empty if the store has none."""
    training: dict[str, JsonValue] = Field(default_factory=dict)
    """Settings of the stage that made a checkpoint or a stage's model."""
    code_version: str = ""


def trace(name: str) -> list[Ancestor]:
    """The model and its ancestors, youngest first, the base last.

    Args:
        name: Of an evolution (its champion), or the key of a champion or of a checkpoint.

    Raises:
        StoreError: Nothing of this name has a lineage.
    """
    store = open_store()
    if "/checkpoints/" in name and (ref := store.find(name)) is not None:
        return list(_of_checkpoint(ref, name.split("/")[1], checkpoint_round(name)))
    if name.startswith("evolutions/") and "/champions/" in name and store.find(name) is not None:
        return list(_of_champion_before(name.split("/")[1], champion_round(name) + 1))
    if "/" not in name and next(iter(store.list(f"evolutions/{name}")), None):
        return list(_of_champion_before(name, 10_000))
    raise StoreError(
        f"{name!r} has no lineage in this store. Expected the name of an evolution, or the key of a champion or "
        "checkpoint below evolutions/."
    )


def _of_checkpoint(ref: ArtifactRef, evolution: str, round_number: int) -> Iterator[Ancestor]:
    """The checkpoint, the stages before it in its round, and the champion that they started from."""
    store = open_store()
    identity = store.manifest(ref).meta["identity"]
    assert isinstance(identity, dict)
    hashes = identity["datasets"]
    assert isinstance(hashes, list)
    versions = [store.find(key) for key in store.list(f"evolutions/{evolution}/rounds/{round_number:04d}/datasets")]
    used = tuple(version for version in versions if version and version.sha256 in hashes)
    yield Ancestor(
        name=f"checkpoint {ref.uri.rpartition('/')[2]} of {identity['stage']}, round {round_number}",
        fingerprint=ref.sha256,
        datasets=used,
        training={name: identity[name] for name in ("stage_settings", "method", "lora", "reward", "dtype", "seed")},
    ).model_copy(update=_made_by(evolution, used) | {"code_version": str(identity["code_version"])})
    start = str(identity["model"])
    champions = {read_champion(key).fingerprint for key in store.list(champions_prefix(evolution))}
    trained = {found.sha256: found for key in store.list("results/model") if (found := store.find(key))}
    while start not in champions and start in trained:
        inputs = store.manifest(trained[start]).meta["inputs"]
        assert isinstance(inputs, dict)
        rows = inputs["rows"]
        assert isinstance(rows, list)
        yield Ancestor(
            name=f"stage {inputs['name']} of round {round_number}",
            fingerprint=start,
            datasets=tuple(version for version in versions if version and rows_sha256(version) in rows),
            training={"stage_settings": inputs["stage"]}
            | {name: inputs[name] for name in ("method", "lora", "reward", "dtype", "seed")},
        )
        start = str(inputs["start"])
    yield from _of_champion_before(evolution, round_number)


def _of_champion_before(evolution: str, round_number: int) -> Iterator[Ancestor]:
    """The champion that rounds before ``round_number`` made, its parent, and so on."""
    store = open_store()
    keys = [key for key in store.list(champions_prefix(evolution)) if champion_round(key) < round_number]
    if not keys:
        first = finished_round(evolution, 1)
        yield Ancestor(name="base", fingerprint=first.base.fingerprint if first else "unknown: no round is finished")
        return
    ref = store.find(keys[-1])
    assert ref is not None
    # A champion that was put back comes from the round that made it.
    maker = str(store.manifest(ref).meta.get("rolled_back_to", keys[-1]))
    if maker == BASE:
        yield from _of_champion_before(evolution, 1)
        return
    number = champion_round(maker)
    result = finished_round(evolution, number)
    versions = tuple(result.datasets.values()) if result else ()
    champion = Ancestor(name=f"round {number}", fingerprint=read_champion(keys[-1]).fingerprint, datasets=versions)
    yield champion.model_copy(update=_made_by(evolution, versions))
    yield from _of_champion_before(evolution, number)


def _made_by(evolution: str, versions: tuple[ArtifactRef, ...]) -> dict[str, str]:
    """Settings and code of a round, as its dataset versions name them."""
    store = open_store()
    facts = [fact for version in versions if isinstance(fact := store.manifest(version).meta["lineage"], dict)]
    codes = ", ".join(sorted({str(fact["code_version"]) for fact in facts}))
    settings_sha256 = str(facts[0]["settings_sha256"]) if facts else ""
    requests = (
        key
        for key in store.list(requests_prefix(evolution))
        if (ref := store.find(key))
        and key_of("settings", 1, {"settings": read_json(ref, "request.json")["settings"]}) == settings_sha256
    )
    return {"settings_sha256": settings_sha256, "request": next(requests, ""), "code_version": codes}
