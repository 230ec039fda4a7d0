"""The champions of an evolution: who was it when, and how an earlier one is put back."""

from collections.abc import Iterator

from storage.layout import champion_round, champions_prefix, is_rollback, rollback_key
from tasks.promotion import announce_champion, read_champion
from tasks.reporting import count_finished, finished_round
from tasks.step import open_store, to_json
from viper.errors import ProfileError, StoreError
from viper.records import ModelRef, Record

BASE = "base"


class Reign(Record):
    """From when a model was champion, and why."""

    key: str
    """Of the champion in the store; ``base`` for the base's, which no round made."""
    round_number: int
    """The round that made it, or after which it was put back; 0 for the base."""
    rollback: bool
    champion: ModelRef
    reason: str
    """The gate's, or that of whoever rolled back."""


def history(evolution: str) -> list[Reign]:
    """All reigns, oldest first; the last one's champion is the champion.

    Raises:
        ProfileError: The evolution has no finished round: its champion is the base of whatever profile starts it.
    """
    first = finished_round(evolution, 1)
    if first is None:
        raise ProfileError(f"The evolution {evolution!r} has no finished round in this store, hence no champion yet.")
    start = Reign(key=BASE, round_number=0, rollback=False, champion=first.base, reason="where it began")
    return [start, *_reigns(evolution)]


def _reigns(evolution: str) -> Iterator[Reign]:
    store = open_store()
    for key in store.list(champions_prefix(evolution)):
        ref = store.find(key)
        assert ref is not None
        yield Reign(
            key=key,
            round_number=champion_round(key),
            rollback=is_rollback(key),
            champion=read_champion(key),
            reason=str(store.manifest(ref).meta["reason"]),
        )


def rollback(evolution: str, to_round: int, reason: str) -> Reign:
    """Put back the champion that ``to_round`` made; later rounds start from it. Nothing is removed.

    A new reference is appended after the last round, so that its key is the last one. Repeating it changes nothing.

    Args:
        evolution: Its name.
        to_round: A round that made a champion, or 0 for the base.
        reason: Why, for the history.

    Raises:
        ProfileError: The evolution has no finished round, or that round made no champion.
        StoreError: Another rollback was written at the same moment.
    """
    reigns = history(evolution)
    made = {reign.round_number: reign for reign in reigns if not reign.rollback}
    if to_round not in made:
        known = ", ".join(str(number) for number in made)
        raise ProfileError(f"Round {to_round} of {evolution!r} made no champion. Rounds that did (0: base): {known}.")
    target = made[to_round]
    if reigns[-1].champion == target.champion:
        announce_champion(evolution)
        return reigns[-1]
    after = max(count_finished(evolution), reigns[-1].round_number)
    before = sum(reign.rollback and reign.round_number == after for reign in reigns)
    key = rollback_key(evolution, after, before + 1)
    facts = {"reason": reason, "rolled_back_to": target.key}
    open_store().commit(key, "champion", {"champion.json": to_json(target.champion)}, facts)
    if read_champion(key) != target.champion:
        raise StoreError(f"Somebody else rolled {evolution!r} back at the same moment. See `viper champion history`.")
    announce_champion(evolution)
    return history(evolution)[-1]
