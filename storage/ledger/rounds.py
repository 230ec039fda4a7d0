"""Finished rounds: the record of a round is what makes it finished."""

from collections.abc import Iterator, Mapping

from storage.layout import report_key, verdict_key
from storage.ledger.entries import parse, read_history, to_json
from storage.objects import ObjectStore
from viper.errors import StoreError
from viper.records import RoundResult

ENTRY = "round.json"


def finished_round(store: ObjectStore, evolution: str, round_number: int) -> RoundResult | None:
    """The record of a finished round, or None if the round is not finished.

    Raises:
        CorruptArtifact: The record is damaged.
        StoreError: The record has other fields than this version of the project knows.
    """
    key = verdict_key(evolution, round_number)
    found = read_history(store, key, ENTRY)
    return None if found is None else parse(RoundResult, found, key)


def finished_rounds(store: ObjectStore, evolution: str) -> Iterator[RoundResult]:
    """The records of the finished rounds in order, from the first up to a gap.

    Raises:
        CorruptArtifact: A record is damaged.
    """
    number = 1
    while (result := finished_round(store, evolution, number)) is not None:
        yield result
        number += 1


def count_finished(store: ObjectStore, evolution: str) -> int:
    """Number of finished rounds, from the first without a gap.

    Raises:
        CorruptArtifact: A record is damaged.
    """
    return sum(1 for _ in finished_rounds(store, evolution))


def keep_result(store: ObjectStore, result: RoundResult, pages: Mapping[str, bytes]) -> RoundResult:
    """Write the pages of the round's report, then the round's record, which is what makes the round finished.

    Args:
        store: Where to write them.
        result: The round's record.
        pages: Content of the report's files by name.

    Returns:
        The record that stands: the first one that was written for this round.

    Raises:
        StoreError: The store refuses.
    """
    store.commit(report_key(result.evolution, result.round_number), "report", pages)
    key = verdict_key(result.evolution, result.round_number)
    store.commit(key, "round", {ENTRY: to_json(result)})
    kept = finished_round(store, result.evolution, result.round_number)
    if kept is None:
        raise StoreError(f"{key!r} was removed from {store.root} right after it was written. Resume.")
    return kept
