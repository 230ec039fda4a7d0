"""Champions stand twice: one flipped bit anywhere in a champion costs nothing.

A champion is committed under its key, and a second time under ``storage.layout.champion_copy_key``. The copy holds the
text of ``champion.json``, the facts of the manifest and the champion's own key in one entry, so its bytes are unlike
those of any other artifact: the two share no blob, no manifest and no reference, and either can be written again from
the other with the same bytes.

Reading never writes: where the champion is missing or damaged, its copy is read, and a warning says so. ``mend``
writes: it puts back whichever of the two is missing or damaged. A champion that an older version wrote has no copy;
``mend`` makes it one. Where both are lost, reading and mending refuse.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import JsonValue

from storage.layout import champion_copies_prefix, champion_copy_key, champion_of_copy, champions_prefix, evolution_of
from storage.ledger.entries import how_to_restore, parse, to_json
from storage.manifest import Blob, Manifest, check_meta, sha256_of
from storage.objects import ObjectStore
from viper.errors import CorruptArtifact, StoreError
from viper.records import ArtifactRef, ModelRef, Record

_CHAMPION, _COPY = "champion", "champion-copy"
_ENTRY, _COPY_ENTRY = "champion.json", "copy.json"

_log = logging.getLogger(__name__)


class Standing(Record):
    """A champion as it was committed: all that is needed to commit it again with the same bytes."""

    key: str
    """Of the champion, not of its copy."""
    text: str
    """``champion.json``."""
    facts: dict[str, JsonValue]
    """``reason``; for one that was put back, ``rolled_back_to`` too."""

    @property
    def champion(self) -> ModelRef:
        """The model.

        Raises:
            StoreError: The text has other fields than this version of the project knows.
        """
        return parse(ModelRef, self.text, self.key)


def champion_keys(store: ObjectStore, evolution: str) -> list[str]:
    """Keys of all champions of an evolution, oldest first, also of those of which only the copy is left."""
    copies = store.list(champion_copies_prefix(evolution))
    return sorted({*store.list(champions_prefix(evolution)), *map(champion_of_copy, copies)})


def read_standing(store: ObjectStore, key: str) -> Standing:
    """The champion at ``key``, from its copy if it is missing or damaged itself. Writes nothing.

    Raises:
        StoreError: The champion and its copy are both missing or damaged.
    """
    try:
        return _read_first(store, key)
    except CorruptArtifact as error:
        lost = error
    try:
        standing = _read_copy(store, key)
    except CorruptArtifact as error:
        raise _both_lost(store, key, lost, error) from error
    _log.warning("%s The champion is read from its copy instead; the next start of the evolution restores it.", lost)
    return standing


def keep_standing(store: ObjectStore, key: str, champion: ModelRef, facts: Mapping[str, JsonValue]) -> Standing:
    """Commit a champion and its copy, and return what stands: of several champions under one key, the first.

    A writer that is killed between the two leaves a champion without a copy, which the next ``mend`` makes.

    Raises:
        StoreError: A champion was there before, and it and its copy are both damaged.
    """
    if key not in champion_keys(store, evolution_of(key)):
        store.commit(key, _CHAMPION, {_ENTRY: to_json(champion)}, facts)
        store.commit(champion_copy_key(key), _COPY, {_COPY_ENTRY: to_json(_read_first(store, key))})
    mend(store, key)
    return read_standing(store, key)


def mend(store: ObjectStore, key: str) -> list[str]:
    """Write the champion at ``key``, or its copy, again if one of them is missing or damaged.

    Returns:
        The keys that were written: none, or one of the two.

    Raises:
        StoreError: Both are missing or damaged, or they are sound and contradict each other.
    """
    fresh, copy = ObjectStore(store.root), champion_copy_key(key)  # a fresh store has nothing in memory
    lost: dict[str, CorruptArtifact] = {}
    found: dict[str, Standing] = {}
    readers: dict[str, Callable[[ObjectStore, str], Standing]] = {key: _read_first, copy: _read_copy}
    for name, read in readers.items():
        try:
            found[name] = read(fresh, key)
        except CorruptArtifact as error:
            lost[name] = error
    if not found:
        raise _both_lost(store, key, lost[key], lost[copy])
    if len(found) == 2 and found[key] != found[copy]:
        raise StoreError(
            f"{key!r} and its copy {copy!r} are sound and name different champions, so nobody can tell who it is. "
            f"Compare them with the round's verdict, and remove the reference of the wrong one from {store.root}."
        )
    for name, loss in lost.items():
        _log.warning("%s It is written again from the other one of the champion and its copy.", loss)
        _commit_again(fresh, name, next(iter(found.values())))
        readers[name](fresh, key)
    return list(lost)


def _read_first(store: ObjectStore, key: str) -> Standing:
    ref = _find(store, key, _CHAMPION)
    return Standing(key=key, text=store.read(ref, _ENTRY).decode(), facts=store.manifest(ref).meta)


def _read_copy(store: ObjectStore, key: str) -> Standing:
    copy = champion_copy_key(key)
    standing = parse(Standing, store.read(_find(store, copy, _COPY), _COPY_ENTRY), copy)
    if standing.key != key:
        raise CorruptArtifact(f"{copy!r} cannot be trusted: it is the copy of {standing.key!r}.", copy)
    return standing


def _find(store: ObjectStore, key: str, kind: str) -> ArtifactRef:
    ref = store.find(key)
    if ref is None:
        raise CorruptArtifact(f"{key!r} is missing in {store.root}.", key)
    if ref.kind != kind:
        raise CorruptArtifact(f"{key!r} cannot be trusted: it is {ref.kind!r} and no {kind!r}.", key)
    return ref


def _commit_again(store: ObjectStore, key: str, standing: Standing) -> None:
    """Put the champion, or its copy, back under its key ``key`` with the bytes that it had."""
    first = key == standing.key
    kind, name = (_CHAMPION, _ENTRY) if first else (_COPY, _COPY_ENTRY)
    data, facts = (standing.text.encode(), standing.facts) if first else (to_json(standing), {})
    store.delete(key)
    # A damaged reference does not say which blobs were its own, and putting does not look inside a blob that is there.
    blob = Blob(sha256=sha256_of(data), size_bytes=len(data))
    manifest = Manifest(kind=kind, entries={name: blob}, meta=check_meta(facts))
    for sha256 in (blob.sha256, sha256_of(manifest.to_bytes())):
        store.drop_damaged(sha256)
    entries: dict[str, bytes | Path | Blob] = {name: data}
    store.commit(key, kind, entries, facts)


def _both_lost(store: ObjectStore, key: str, first: CorruptArtifact, copy: CorruptArtifact) -> StoreError:
    return StoreError(
        f"The champion {key!r} is lost, and so is its copy {champion_copy_key(key)!r}; the evolution does not go on as "
        f"if it had never been. {how_to_restore(store, key)} ({first} {copy})"
    )
