"""What was asked of an evolution: kept in the store, so that it can be resumed anywhere."""

from storage.layout import request_key, requests_prefix
from tasks.step import open_store, read_json, to_json
from viper.errors import ProfileError
from viper.settings import Settings, parse_settings


def keep_request(profile: str, rounds: int, settings: Settings) -> None:
    """Write down what is asked, unless it is what was asked last."""
    store = open_store()
    wanted = {"profile": profile, "rounds": rounds, "settings": settings.model_dump(mode="json")}
    keys = list(store.list(requests_prefix(settings.evolution)))
    if keys and (last := store.find(keys[-1])) and read_json(last, "request.json") == wanted:
        return
    key = request_key(settings.evolution, len(keys))
    store.commit(key, "request", {"request.json": to_json(wanted)})


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
    store = open_store()
    ref = store.find(list(store.list(requests_prefix(evolution)))[-1])
    assert ref is not None
    wanted = read_json(ref, "request.json")
    return wanted["profile"], wanted["rounds"], parse_settings(wanted["settings"], f"the request of {evolution}")
