"""How right the critiques and edits of a finished round are, where the truth is known. No round asks."""

from flows.start import open_store
from flows.truth import check_truth
from models.measured import Measured
from storage.ledger.lineage import fact_of
from storage.ledger.requests import last_request, settings_asked
from storage.ledger.rounds import count_finished, finished_round
from storage.manifest import PROVENANCE
from storage.objects import ObjectStore
from tasks.against_truth import measure
from viper.errors import ProfileError
from viper.profiles import parse_settings
from viper.records import RoundResult, Synthesis


def measure_round(evolution: str, round_number: int | None) -> tuple[RoundResult, Measured]:
    """How right the critiques and edits of a finished round are, before and after the judge. Changes nothing.

    Args:
        evolution: Its name; empty for the only one in the store.
        round_number: Counts from 1; by default the last finished one.

    Raises:
        ProfileError: There is no such evolution, or its round is not finished.
        PoolError: Nobody knows what the pictures of its pool show.
    """
    store = open_store()
    settings = last_request(store, evolution).settings
    last = count_finished(store, settings.evolution)
    number = last if round_number is None else round_number
    result = finished_round(store, settings.evolution, number) if number else None
    if result is None:
        raise ProfileError(
            f"Round {number or 1} of {settings.evolution!r} is not finished ({last} rounds are): there is nothing to "
            f"measure yet. Finish it with `viper resume {settings.evolution}`, or name another --round."
        )
    if result.settings_sha256 != settings.sha256:
        asked = settings_asked(store, settings.evolution, result.settings_sha256)
        settings = parse_settings(asked, f"the settings of round {number}")
    check_truth(settings)
    return result, measure(store, settings.world, what_was_made(store, result))


def what_was_made(store: ObjectStore, result: RoundResult) -> Synthesis:
    """Shards and products of a finished round, as its report was told, whatever version of the project made them.

    Raises:
        StoreError: The report does not say what it was made from.
    """
    made = fact_of(store, result.report, PROVENANCE)["made"]
    return Synthesis(shards=made["shards"], products=made["products"], datasets={}, seconds=())
