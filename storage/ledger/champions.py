"""The champions of an evolution: who was it when, and how an earlier one is put back.

How each of them stands twice, and how one that is damaged is restored, is told in ``storage.ledger.copies``.
"""

from storage.layout import champion_key, champion_round, is_rollback, rollback_key
from storage.ledger.copies import Standing, champion_keys, keep_standing, mend, read_standing
from storage.ledger.entries import how_to_restore
from storage.ledger.rounds import count_finished, finished_round, finished_rounds
from storage.objects import ObjectStore
from viper.errors import ProfileError, StoreError, StoreUnavailable
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


def read_champion(store: ObjectStore, key: str) -> ModelRef:
    """The model that was made, or put back as, champion under ``key``. Writes nothing.

    Raises:
        StoreError: The champion and its copy are both missing or damaged.
    """
    return read_standing(store, key).champion


def champion_before(store: ObjectStore, evolution: str, round_number: int) -> ModelRef | None:
    """The champion that rounds before ``round_number`` made, or that was put back since. Writes nothing.

    Returns:
        The champion; None where the base is champion, because no round made one yet or the base was put back.

    Raises:
        StoreError: The champion and its copy are both missing or damaged.
    """
    standing = standing_before(store, evolution, round_number)
    return standing.champion if standing is not None and standing.champion.made is not None else None


def standing_before(store: ObjectStore, evolution: str, round_number: int | None = None) -> Standing | None:
    """The last champion before a round, or of all, with its key and facts; None if no round made one.

    Raises:
        StoreError: The champion and its copy are both missing or damaged.
    """
    keys = champion_keys(store, evolution)
    if round_number is not None:
        keys = [key for key in keys if champion_round(key) < round_number]
    return read_standing(store, keys[-1]) if keys else None


def keep_champion(store: ObjectStore, evolution: str, round_number: int, candidate: ModelRef, reason: str) -> ModelRef:
    """Write down that a round's candidate is champion, twice. The first champion of a round stands.

    Args:
        store: Where to write it.
        evolution: Its name.
        round_number: The round that made the candidate.
        candidate: Its model.
        reason: The gate's.

    Returns:
        The champion that stands for this round.

    Raises:
        StoreError: The round has a champion, and it and its copy are both damaged.
    """
    return keep_standing(store, champion_key(evolution, round_number), candidate, {"reason": reason}).champion


def heal(store: ObjectStore, evolution: str) -> list[str]:
    """Restore every champion of an evolution, or copy of one, that is missing or damaged. Called when a run starts.

    Champions of older versions have no copy; they get one here.

    Returns:
        The keys that were written.

    Raises:
        StoreError: A champion is lost together with its copy, or was promoted by a finished round and is nowhere.
    """
    restored: list[str] = []
    refused: list[StoreError] = []
    for key in champion_keys(store, evolution):
        try:
            restored += mend(store, key)
        except StoreUnavailable:
            raise
        except StoreError as error:
            refused.append(error)
    if refused:
        raise refused[0]
    for key in lost_champions(store, evolution):
        raise StoreError(
            f"The champion {key!r} and its copy are missing, though a finished round promoted it. "
            f"{how_to_restore(store, key)}"
        )
    return restored


def lost_champions(store: ObjectStore, evolution: str) -> list[str]:
    """Keys of the champions that finished rounds promoted and that are nowhere in the store, not even as copies."""
    stand = set(champion_keys(store, evolution))
    promoted = (one for one in finished_rounds(store, evolution) if one.verdict.decision == "promote")
    return [key for one in promoted if (key := champion_key(evolution, one.round_number)) not in stand]


def history(store: ObjectStore, evolution: str) -> list[Reign]:
    """All reigns, oldest first; the last one's champion is the champion. Writes nothing.

    Raises:
        ProfileError: The evolution has no finished round: its champion is the base of whatever profile starts it.
        StoreError: A champion and its copy are both missing or damaged.
    """
    first = finished_round(store, evolution, 1)
    if first is None:
        raise ProfileError(f"The evolution {evolution!r} has no finished round in this store, hence no champion yet.")
    start = Reign(key=BASE, round_number=0, rollback=False, champion=first.base, reason="where it began")
    return [start, *(_reign(read_standing(store, key)) for key in champion_keys(store, evolution))]


def _reign(standing: Standing) -> Reign:
    return Reign(
        key=standing.key,
        round_number=champion_round(standing.key),
        rollback=is_rollback(standing.key),
        champion=standing.champion,
        reason=str(standing.facts.get("reason", "")),
    )


def rollback(store: ObjectStore, evolution: str, to_round: int, reason: str) -> Reign:
    """Put back the champion that ``to_round`` made; later rounds start from it. Nothing is removed.

    A new champion is appended after the last round, so that its key is the last one. Repeating it changes nothing.
    Telling MLflow is the caller's.

    Args:
        store: Where the evolution lies.
        evolution: Its name.
        to_round: A round that made a champion, or 0 for the base.
        reason: Why, for the history.

    Raises:
        ProfileError: The evolution has no finished round, or that round made no champion.
        StoreError: Another rollback was written at the same moment.
    """
    reigns = history(store, evolution)
    made = {reign.round_number: reign for reign in reigns if not reign.rollback}
    if to_round not in made:
        known = ", ".join(str(number) for number in made)
        raise ProfileError(f"Round {to_round} of {evolution!r} made no champion. Rounds that did (0: base): {known}.")
    target = made[to_round]
    if reigns[-1].champion == target.champion:
        return reigns[-1]
    after = max(count_finished(store, evolution), reigns[-1].round_number)
    before = sum(reign.rollback and reign.round_number == after for reign in reigns)
    key = rollback_key(evolution, after, before + 1)
    kept = keep_standing(store, key, target.champion, {"reason": reason, "rolled_back_to": target.key})
    if kept.champion != target.champion:
        raise StoreError(f"Somebody else rolled {evolution!r} back at the same moment. See `viper champion history`.")
    return history(store, evolution)[-1]
