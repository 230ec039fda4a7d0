"""Looks after a store: verifies what is referenced, measures it, and clears away what nothing refers to.

A blob that no reference reaches may belong to a writer that has not written its reference yet. A writer renews a blob
that it finds in the store if it is older than ``storage.blobs.RENEW_AFTER_S``, so clearing away spares everything
younger than ``MIN_AGE_S`` and is safe beside a running round whose commits take less than the time between the two.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from storage.blobs import RENEW_AFTER_S
from storage.layout import group_of
from storage.objects import TRANSFERS_AT_ONCE, ObjectStore
from storage.packs import by_blob
from viper.errors import CorruptArtifact, StoreError
from viper.progress import tell

MIN_AGE_S = 2 * RENEW_AFTER_S
"""Unreferenced blobs younger than this are left alone, in seconds."""


@dataclass(frozen=True)
class Damage:
    """What cannot be trusted in the artifact at a key."""

    key: str
    entry: str
    """Name of the entry; empty where the reference or the manifest is meant."""
    reason: str
    """``missing``, ``damaged``, or what is wrong with the reference or the manifest."""


@dataclass
class Usage:
    """What one group of artifacts takes."""

    artifacts: int = 0
    size_bytes: int = 0
    """Sum over the artifacts; blobs that several share are counted for each."""


@dataclass(frozen=True)
class Garbage:
    """Blobs that no reference reaches."""

    removable: Mapping[str, int]
    """Size in bytes, by hash, of those that are old enough to go."""
    spared: int
    """Number of those that are too young."""
    leftovers: tuple[str, ...]
    """Names of what killed writers left unfinished, old enough to go."""


def verify(store: ObjectStore, prefix: str = "") -> Iterator[Damage]:
    """Read every blob that a reference under ``prefix`` reaches, each once, and report what cannot be trusted."""
    wanted: dict[str, list[tuple[str, str]]] = {}
    for key in keys_of(store, prefix):
        try:
            ref = store.find(key)
            entries = store.manifest(ref).entries if ref else {}
        except CorruptArtifact as error:
            yield Damage(key, "", str(error))
            continue
        for name, blob in entries.items():
            for stored in blob.stored:
                wanted.setdefault(stored, []).append((key, name))
    with ThreadPoolExecutor(TRANSFERS_AT_ONCE, "store-verify") as pool:
        states = pool.map(store.blob_state, wanted)
        for number, (found, state) in enumerate(zip(wanted.values(), states, strict=True), 1):
            tell(number, len(wanted))
            if state != "sound":
                yield from (Damage(key, name, state) for key, name in found)


def keys_of(store: ObjectStore, prefix: str) -> list[str]:
    """Keys of the artifacts in the folder ``prefix``; all if it is empty, and the one if it is the key of one."""
    if not prefix:
        return list(store.list(""))
    folder, _, last = prefix.rstrip("/").rpartition("/")
    itself = [key for key in store.list(folder) if key == f"{folder}/{last}"] if folder else []
    return [*itself, *store.list(prefix)]


def usage(store: ObjectStore) -> dict[str, Usage]:
    """Artifacts and bytes by group of keys (``results/captions``, ``evolutions/main``), sorted by name."""
    groups: dict[str, Usage] = {}
    for key in store.list(""):
        ref = store.find(key)
        group = groups.setdefault(group_of(key), Usage())
        group.artifacts += 1
        group.size_bytes += ref.size_bytes if ref else 0
    return dict(sorted(groups.items()))


def find_garbage(store: ObjectStore, min_age_s: float = MIN_AGE_S) -> Garbage:
    """Blobs that no reference reaches. Reads every manifest.

    Args:
        store: The store.
        min_age_s: Younger ones are spared, in seconds.

    Raises:
        StoreError: The age is below ``MIN_AGE_S``.
        CorruptArtifact: A reference or a manifest is damaged, so that nobody knows what it refers to.
    """
    if min_age_s < MIN_AGE_S:
        raise StoreError(
            f"{min_age_s / 3600:g} hours are too few: a running round may be about to refer to blobs that young. "
            f"Expected at least {MIN_AGE_S / 3600:g} hours."
        )
    # Blobs are listed before the references are read: one that gets its reference meanwhile is then seen as reached.
    blobs = store.blobs()
    reached = set[str]()
    keys = list(store.list(""))
    for number, key in enumerate(keys, 1):
        tell(number, len(keys))
        if (ref := store.find(key)) is not None:
            reached |= {ref.sha256, *by_blob(store.manifest(ref).entries)}
    loose = {sha256: found for sha256, found in blobs.items() if sha256 not in reached}
    old = {sha256: found.size_bytes for sha256, found in sorted(loose.items()) if found.age_s >= min_age_s}
    leftovers = tuple(sorted(name for name, found in store.leftovers().items() if found.age_s >= min_age_s))
    return Garbage(removable=old, spared=len(loose) - len(old), leftovers=leftovers)


def clear(store: ObjectStore, garbage: Garbage) -> None:
    """Remove what ``find_garbage`` found."""
    with ThreadPoolExecutor(TRANSFERS_AT_ONCE, "store-clear") as pool:
        for number, _ in enumerate(pool.map(store.remove_blob, garbage.removable), 1):
            tell(number, len(garbage.removable))
        list(pool.map(store.remove_leftover, garbage.leftovers))
