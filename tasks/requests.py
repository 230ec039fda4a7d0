"""What was asked of an evolution: kept in the store, so that it can be resumed anywhere."""

from typing import Any

from storage.layout import request_key, requests_prefix
from tasks.reporting import count_finished
from tasks.step import open_store, read_json, to_json
from viper.errors import ProfileError
from viper.profiles import parse_settings
from viper.settings import Settings


def keep_request(profile: str, rounds: int, settings: Settings, run: str = "") -> int:
    """Write down what is asked, unless it is what was asked last.

    Args:
        profile: Where the settings come from, as the person named it.
        rounds: Rounds that the evolution shall have; with ``run``, rounds that it shall have more than are finished.
        settings: Of the evolution.
        run: The run that asks for more rounds. When it is retried, it asks for no others.

    Returns:
        The rounds that the evolution shall have.
    """
    store = open_store()
    keys = list(store.list(requests_prefix(settings.evolution)))
    last = _read(keys[-1]) if keys else {}
    if run and last.get("run") == run:
        return int(last["rounds"])
    if run:
        rounds += count_finished(settings.evolution)
    wanted = {"profile": profile, "rounds": rounds, "settings": settings.model_dump(mode="json"), "run": run}
    if run or {**last, "run": ""} != wanted:
        store.commit(request_key(settings.evolution, len(keys)), "request", {"request.json": to_json(wanted)})
    return rounds


def evolutions() -> list[str]:
    """Names of the evolutions in the store, sorted."""
    return sorted({key.split("/")[1] for key in open_store().list("evolutions")})


def named_evolution(evolution: str) -> str:
    """The name itself, or that of the only evolution in the store if it is empty.

    Raises:
        ProfileError: There is no such evolution, or several to choose from.
    """
    known = evolutions()
    if not evolution and len(known) == 1:
        evolution = known[0]
    if evolution not in known:
        listed = ", ".join(known) or "none yet; start one with `viper evolve`"
        found = f"There is no evolution {evolution!r}." if evolution else "Which evolution?"
        raise ProfileError(f"{found} In this store: {listed}.")
    return evolution


def last_request(evolution: str) -> tuple[str, int, Settings]:
    """Profile, rounds and settings that were asked last.

    Args:
        evolution: Its name; empty for the only one in the store.

    Raises:
        ProfileError: There is no such evolution, or several to choose from.
    """
    evolution = named_evolution(evolution)
    wanted = _read(list(open_store().list(requests_prefix(evolution)))[-1])
    return wanted["profile"], wanted["rounds"], parse_settings(wanted["settings"], f"the request of {evolution}")


def _read(key: str) -> dict[str, Any]:
    ref = open_store().find(key)
    assert ref is not None
    found: dict[str, Any] = read_json(ref, "request.json")
    return found
