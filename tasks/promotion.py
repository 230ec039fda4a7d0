"""The champion that follows from a verdict, in the store and under MLflow's alias."""

import logging

from storage.layout import champion_round
from storage.ledger.champions import champion_before, keep_champion, standing_before
from storage.objects import ObjectStore
from tasks.tracking import tracker
from viper.errors import ChampionChanged
from viper.records import ModelRef, Verdict

log = logging.getLogger("viper")


def promote(
    store: ObjectStore,
    evolution: str,
    round_number: int,
    base: ModelRef,
    champion: ModelRef,
    candidate: ModelRef,
    verdict: Verdict,
) -> ModelRef:
    """The champion after the round.

    The store's create-only reference is the truth, so repeating this changes nothing. MLflow is told in the same call;
    while it is away, its spool keeps the order.

    Args:
        store: With the evolution.
        evolution: Its name.
        round_number: Counts from 1.
        base: Champion of round 0.
        champion: With which the candidate was compared.
        candidate: The round's model.
        verdict: The gate's.

    Raises:
        ChampionChanged: The champion was rolled back while the round ran: the verdict compares with another one.
    """
    present = champion_before(store, evolution, round_number) or base
    if verdict.decision != "promote":
        return present
    if present.fingerprint != champion.fingerprint:
        raise ChampionChanged(
            f"Round {round_number} compared its candidate with {champion.name}, which is no longer the champion of "
            f"{evolution!r}: it was rolled back meanwhile. Resume, and the round starts from the champion."
        )
    kept = keep_champion(store, evolution, round_number, candidate, verdict.reason)
    announce_champion(store, evolution)
    return kept


def announce_champion(store: ObjectStore, evolution: str) -> None:
    """Make MLflow's alias ``champion`` follow the store: what it missed first, then the last champion."""
    standing = standing_before(store, evolution)
    if standing is None:
        return
    champion, name = standing.champion, f"viper-{evolution}"
    run = tracker(evolution).run(evolution, champion_round(standing.key))
    if champion.made is None:
        run.clear_champion(name)
    else:
        run.set_champion(name, champion.made)
    run.end("FINISHED")
    log.info("Champion of %s: %s (%s)", evolution, champion.name, standing.key)
