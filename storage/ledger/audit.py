"""What is missing in the ledger although something else in it proves that it was there.

``storage.maintenance.verify`` reads what is there; a reference that is gone is nothing to read. But history is numbered
and names what it made: a gap in the numbers, and a name that leads nowhere, are losses.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storage.layout import (
    begun_round,
    champion_copies_prefix,
    champion_copy_key,
    champion_key,
    champion_of_copy,
    champions_prefix,
    report_key,
    request_key,
    request_number,
    requests_prefix,
    rounds_prefix,
    verdict_key,
    verdict_round,
)
from storage.ledger.copies import champion_keys
from storage.ledger.entries import how_to_restore
from storage.ledger.requests import evolutions
from storage.ledger.rounds import finished_round
from storage.objects import ObjectStore
from viper.errors import CorruptArtifact, StoreError
from viper.records import RoundResult


@dataclass(frozen=True)
class Missing:
    """What is not in the store and ought to be."""

    key: str
    reason: str
    """What proves it, in a few words."""


def audit(store: ObjectStore) -> Iterator[Missing]:
    """Everything that history proves to be missing, evolution by evolution. Damaged history is ``verify``'s to name.

    Raises:
        StoreUnavailable: The store does not answer.
    """
    for evolution in evolutions(store):
        yield from _requests(store, evolution)
        yield from _champions(store, evolution)
        yield from _rounds(store, evolution)


def refuse_gaps(store: ObjectStore, evolution: str) -> None:
    """Look whether an evolution lacks a request or a verdict before its last one. Called when a run starts.

    Raises:
        StoreError: One is missing: a run would go on as if it had never been.
    """
    rounds = list(store.list(rounds_prefix(evolution)))
    for missing in (*_requests(store, evolution), *_verdicts(evolution, rounds)):
        raise StoreError(f"{missing.key!r} is missing, though {missing.reason}. {how_to_restore(store, missing.key)}")


def _requests(store: ObjectStore, evolution: str) -> Iterator[Missing]:
    numbers = {request_number(key) for key in store.list(requests_prefix(evolution))}
    for number in range(max(numbers, default=0)):
        if number not in numbers:
            yield Missing(request_key(evolution, number), f"there is a request {max(numbers)}")


def _champions(store: ObjectStore, evolution: str) -> Iterator[Missing]:
    firsts = set(store.list(champions_prefix(evolution)))
    copied = {champion_of_copy(copy) for copy in store.list(champion_copies_prefix(evolution))}
    for key in sorted(copied - firsts):
        yield Missing(key, f"its copy stands at {champion_copy_key(key)}")
    for key in sorted(firsts - copied):
        yield Missing(champion_copy_key(key), f"it is the copy of {key}, which stands alone")


def _verdicts(evolution: str, keys: Sequence[str]) -> Iterator[Missing]:
    rounds = _judged(keys)
    begun = max((number for key in keys if (number := begun_round(key)) is not None), default=0)
    for number in range(1, begun):
        if number not in rounds:
            proof = f"round {max(rounds)} has a verdict" if number < max(rounds, default=0) else f"round {begun} began"
            yield Missing(verdict_key(evolution, number), proof)


def _judged(keys: Sequence[str]) -> set[int]:
    """The rounds that have a verdict."""
    return {number for key in keys if (number := verdict_round(key)) is not None}


def _rounds(store: ObjectStore, evolution: str) -> Iterator[Missing]:
    keys = list(store.list(rounds_prefix(evolution)))
    yield from _verdicts(evolution, keys)
    named: dict[str, Missing] = {}
    for number in sorted(_judged(keys)):
        try:
            result = finished_round(store, evolution, number)
        except CorruptArtifact:
            continue
        for missing in _of_round(store, result) if result else ():
            named.setdefault(missing.key, missing)
    yield from named.values()


def _of_round(store: ObjectStore, result: RoundResult) -> Iterator[Missing]:
    """What the record of a round proves and the store lacks."""
    evolution, number = result.evolution, result.round_number
    champion, report = champion_key(evolution, number), report_key(evolution, number)
    if result.verdict.decision == "promote" and champion not in champion_keys(store, evolution):
        yield Missing(champion, f"round {number} promoted it; its copy is missing, too")
    if not _stands(store, report):
        yield Missing(report, f"round {number} has a verdict, which is written after the report")
    if (model := result.champion_after.made) is not None and not _stands(store, model.uri, model.sha256):
        yield Missing(model.uri, f"the verdict of round {number} names it as the champion's model")
    for stage, version in result.datasets.items():
        if not _stands(store, version.uri, version.sha256):
            yield Missing(version.uri, f"the record of round {number} names it as its {stage} dataset")


def _stands(store: ObjectStore, key: str, sha256: str = "") -> bool:
    """Whether an artifact lies at ``key``; the one with this hash, if one is given. A damaged one counts as there."""
    try:
        ref = store.find(key)
    except CorruptArtifact:
        return True
    return ref is not None and sha256 in ("", ref.sha256)
