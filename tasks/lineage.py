"""Where a model comes from: dataset versions, settings, code and parent, round by round, back to the base."""

from collections.abc import Iterator

from storage.layout import champion_round, champions_prefix, checkpoint_round
from tasks.champions import BASE
from tasks.reporting import finished_round
from tasks.step import open_store, read_json
from viper.errors import StoreError
from viper.records import ArtifactRef, Record, Vlm


class Ancestor(Record):
    """One model and what made it."""

    name: str
    """``checkpoint …``, ``round 2`` or ``base``."""
    fingerprint: str
    """What decides its weights; the key's artifact hash for a checkpoint."""
    datasets: tuple[ArtifactRef, ...] = ()
    settings_sha256: str = ""
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
        evolution, round_number = name.split("/")[1], checkpoint_round(name)
        return [_of_checkpoint(ref, evolution, round_number), *_of_champion_before(evolution, round_number)]
    if name.startswith("evolutions/") and "/champions/" in name and store.find(name) is not None:
        return list(_of_champion_before(name.split("/")[1], champion_round(name) + 1))
    if "/" not in name and next(iter(store.list(f"evolutions/{name}")), None):
        return list(_of_champion_before(name, 10_000))
    raise StoreError(
        f"{name!r} has no lineage in this store. Expected the name of an evolution, or the key of a champion or "
        "checkpoint below evolutions/."
    )


def _of_checkpoint(ref: ArtifactRef, evolution: str, round_number: int) -> Ancestor:
    store = open_store()
    identity = store.manifest(ref).meta["identity"]
    assert isinstance(identity, dict)
    hashes = identity["datasets"]
    assert isinstance(hashes, list)
    versions = (store.find(key) for key in store.list(f"evolutions/{evolution}/rounds/{round_number:04d}/datasets"))
    return Ancestor(
        name=f"checkpoint {ref.uri.rpartition('/')[2]} of {identity['stage']}, round {round_number}",
        fingerprint=ref.sha256,
        datasets=tuple(version for version in versions if version and version.sha256 in hashes),
        code_version=str(identity["code_version"]),
    )


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
    champion = Vlm.model_validate(read_json(ref, "champion.json"))
    result = finished_round(evolution, number)
    versions = tuple(result.datasets.values()) if result else ()
    facts = [store.manifest(version).meta["lineage"] for version in versions]
    codes = {str(fact["code_version"]) for fact in facts if isinstance(fact, dict)}
    yield Ancestor(
        name=f"round {number}",
        fingerprint=champion.fingerprint,
        datasets=versions,
        settings_sha256=result.settings_sha256 if result else "",
        code_version=", ".join(sorted(codes)),
    )
    yield from _of_champion_before(evolution, number)
