"""What was asked of an evolution: kept in the store, so that it can be resumed anywhere and means the same there."""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import Field

from storage.layout import evolution_of, evolutions_prefix, request_key, request_number, requests_prefix
from storage.ledger.entries import read_history, to_json
from storage.ledger.rounds import count_finished
from storage.objects import ObjectStore
from viper.errors import ProfileError, StoreError
from viper.profiles import parse_settings
from viper.records import Record
from viper.settings import Settings

ENTRY = "request.json"
NO_COMMITS: Mapping[str, str] = MappingProxyType({})


class Request(Record):
    """What was asked of an evolution."""

    profile: str
    """Where the settings come from, as the person named it."""
    rounds: int
    """Rounds that the evolution shall have, counted from its start."""
    settings: Settings
    run: str = ""
    """The run that asked for more rounds than were finished; empty where the number itself was asked for."""
    commits: dict[str, str] = Field(default_factory=dict)
    """By ``name@revision`` of a model on the hub: the commit, 40 hex digits, that the revision meant when the evolution
    first asked for the model."""


def keep_request(
    store: ObjectStore,
    profile: str,
    rounds: int,
    settings: Settings,
    run: str = "",
    commits: Mapping[str, str] = NO_COMMITS,
) -> int:
    """Write down what is asked, unless it is what was asked last.

    Args:
        store: Where to write it.
        profile: Where the settings come from, as the person named it.
        rounds: Rounds that the evolution shall have; with ``run``, rounds that it shall have more than are finished.
        settings: Of the evolution.
        run: The run that asks for more rounds. When it is retried, it asks for no others.
        commits: As in ``Request``. A commit that an earlier request names stands, whatever is given here.

    Returns:
        The rounds that the evolution shall have.

    Raises:
        CorruptArtifact: An earlier request is damaged.
    """
    evolution = settings.evolution
    keys = _keys(store, evolution)
    last = _read(store, keys[-1]) if keys else {}
    meant = {**commits, **known_commits(store, evolution)}
    retried = bool(run) and last.get("run") == run
    if retried:
        wanted = {**last, "commits": meant}
    else:
        rounds += count_finished(store, evolution) if run else 0
        dump = settings.model_dump(mode="json")
        wanted = {"profile": profile, "rounds": rounds, "settings": dump, "run": run, "commits": meant}
    if (run and not retried) or {**last, "run": run} != wanted:
        _append(store, evolution, request_number(keys[-1]) + 1 if keys else 0, wanted)
    return int(wanted["rounds"])


def known_commits(store: ObjectStore, evolution: str) -> dict[str, str]:
    """What the revisions of hub models mean to an evolution, by ``name@revision``; the earliest request decides.

    Raises:
        CorruptArtifact: A request is damaged.
    """
    known: dict[str, str] = {}
    for key in _keys(store, evolution):
        known = {**_read(store, key)["commits"], **known}
    return known


def evolutions(store: ObjectStore) -> list[str]:
    """Names of the evolutions in the store, sorted."""
    return sorted({evolution_of(key) for key in store.list(evolutions_prefix())})


def named_evolution(store: ObjectStore, evolution: str) -> str:
    """The name itself, or that of the only evolution in the store if it is empty.

    Raises:
        ProfileError: There is no such evolution, or several to choose from.
    """
    known = evolutions(store)
    if not evolution and len(known) == 1:
        evolution = known[0]
    if evolution not in known:
        listed = ", ".join(known) or "none yet; start one with `viper evolve`"
        found = f"There is no evolution {evolution!r}." if evolution else "Which evolution?"
        raise ProfileError(f"{found} In this store: {listed}.")
    return evolution


def last_request(store: ObjectStore, evolution: str) -> Request:
    """What was asked last.

    Args:
        store: Where the evolution lies.
        evolution: Its name; empty for the only one in the store.

    Raises:
        ProfileError: There is no such evolution, or several to choose from; or this version of the project refuses the
            settings.
        StoreError: Nothing was asked of it, or the request is damaged.
    """
    evolution = named_evolution(store, evolution)
    keys = _keys(store, evolution)
    if not keys:
        raise StoreError(
            f"The evolution {evolution!r} has no request in {store.root}, so its settings are unknown. "
            "Start it with `viper evolve` and the profile that it was made with."
        )
    found = _read(store, keys[-1])
    return Request(**{**found, "settings": parse_settings(found["settings"], f"the request of {evolution}")})


def request_of_settings(store: ObjectStore, evolution: str, sha256: str) -> str:
    """Key of the first request with these settings; empty if there is none."""
    keys = _keys(store, evolution)
    return next((key for key in keys if settings_sha256(_read(store, key)["settings"]) == sha256), "")


def settings_asked(store: ObjectStore, evolution: str, sha256: str) -> dict[str, Any]:
    """The settings with this hash as the first request for them dumped them; empty if there is none."""
    key = request_of_settings(store, evolution, sha256)
    found: dict[str, Any] = _read(store, key)["settings"] if key else {}
    return found


def settings_sha256(dump: Mapping[str, object]) -> str:
    """What ``RoundResult.settings_sha256`` says of the settings that were dumped, whichever version dumped them."""
    counted = {name: value for name, value in dump.items() if name != "run"}
    text = json.dumps({"step": "settings", "version": 1, "inputs": {"settings": counted}}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _append(store: ObjectStore, evolution: str, number: int, wanted: Mapping[str, object]) -> None:
    """Write a request under the first number from ``number`` on that nobody else takes at the same moment."""
    data = to_json(wanted)
    while store.read(store.commit(request_key(evolution, number), "request", {ENTRY: data}), ENTRY) != data:
        number += 1


def _keys(store: ObjectStore, evolution: str) -> list[str]:
    return list(store.list(requests_prefix(evolution)))


def _read(store: ObjectStore, key: str) -> dict[str, Any]:
    found = read_history(store, key, ENTRY)
    if found is None:
        raise StoreError(f"The request {key!r} was removed from {store.root} while it was being read.")
    # Versions before these fields wrote requests too.
    return {"run": "", "commits": {}, **json.loads(found)}
