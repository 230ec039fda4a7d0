"""The gate's decision on a candidate, and the champion that follows from it."""

from collections.abc import Mapping
from typing import Any

from prefect import State
from pydantic import JsonValue

from models.collapse import caption_collapse, score_collapse
from models.comparison import compare
from models.gate import decide
from models.suites.catalog import find_suite
from storage.layout import champion_key, champion_round, champions_prefix
from tasks.evaluation import read_replies
from tasks.step import Entries, fingerprint, log, once, open_store, read_json, seed_of, step_task, to_json
from tasks.tracking import tracker
from viper.errors import ChampionChanged, Collapsed
from viper.records import ArtifactRef, ModelRef, Synthesis, Verdict
from viper.settings import Settings


@step_task(name="decide on the candidate")
def decide_on_candidate(
    settings: Settings,
    round_number: int,
    replies: Mapping[str, Mapping[str, list[ArtifactRef]]],
    captions: Mapping[str, ArtifactRef],
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``verdict``: ``verdict.json``.

    Args:
        settings: Of the evolution.
        round_number: Counts from 1.
        replies: By role (``base``, ``champion``, ``candidate``), then suite: the shards of replies, in order.
        captions: By role (``base``, ``candidate``): what each says of the same images.
    """
    seed = seed_of(settings, round_number, "bootstrap")

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        read: dict[str, dict[str, list[dict[str, Any]]]] = {
            role: {suite: read_replies(list(parts)) for suite, parts in suites.items()}
            for role, suites in replies.items()
        }
        scores = {
            role: {suite: find_suite(suite).units(kept) for suite, kept in suites.items()}
            for role, suites in read.items()
        }
        categories = {suite: find_suite(suite).unit_categories(kept) for suite, kept in read["candidate"].items()}
        suites, mean = compare(scores, categories, settings.gate, seed % 2**31)
        said = {role: list(read_json(ref, "captions.json").values()) for role, ref in captions.items()}
        collapse = caption_collapse(said["candidate"], said["base"], settings.collapse)
        collapse = collapse or score_collapse(suites, settings.collapse)
        verdict = decide(suites, mean, collapse, settings.gate)
        return {"verdict.json": to_json(verdict)}, {"decision": verdict.decision}

    inputs = {
        "replies": replies,
        "captions": captions,
        "gate": settings.gate,
        "collapse": settings.collapse,
        "seed": seed,
    }
    return once("verdict", 2, inputs, compute)


def read_verdict(ref: ArtifactRef) -> Verdict:
    """The verdict in its artifact."""
    return Verdict.model_validate(read_json(ref, "verdict.json"))


def check_data(made: Synthesis) -> None:
    """Make sure that there is enough to train on.

    Raises:
        Collapsed: The filter left too little.
    """
    if made.collapse:
        raise Collapsed(made.collapse)


def collapse_verdict(error: Collapsed) -> Verdict:
    """The verdict on a round that collapsed before its candidate could be asked anything."""
    return Verdict(decision="collapse", reason=str(error))


def base_vlm(settings: Settings) -> ModelRef:
    """The base model: champion of round 0."""
    vlm = settings.models.vlm
    return ModelRef(name="base", settings_path=vlm.path, fingerprint=fingerprint(vlm))


def champion_before(settings: Settings, round_number: int) -> ModelRef:
    """The champion that rounds before ``round_number`` made, or that was put back since; else the base."""
    store = open_store()
    keys = [key for key in store.list(champions_prefix(settings.evolution)) if champion_round(key) < round_number]
    if not keys:
        return base_vlm(settings)
    champion = read_champion(keys[-1])
    return champion if champion.artifact else base_vlm(settings)


def read_champion(key: str) -> ModelRef:
    """The model that was made, or put back as, champion under ``key``."""
    ref = open_store().find(key)
    assert ref is not None
    return ModelRef.model_validate(read_json(ref, "champion.json"))


@step_task(name="promote")
def promote(
    settings: Settings, round_number: int, champion: ModelRef, candidate: ModelRef, verdict: Verdict
) -> ModelRef:
    """The champion after the round, in the store and under MLflow's alias.

    The store's create-only reference is the truth, so repeating this changes nothing. MLflow is told in the same step;
    while it is away, its spool keeps the order.

    Args:
        settings: Of the evolution.
        round_number: Counts from 1.
        champion: With which the candidate was compared.
        candidate: The round's model.
        verdict: The gate's.

    Raises:
        ChampionChanged: The champion was rolled back while the round ran: the verdict compares with another one.
    """
    if verdict.decision != "promote":
        return champion_before(settings, round_number)
    if champion_before(settings, round_number).fingerprint != champion.fingerprint:
        raise ChampionChanged(
            f"Round {round_number} compared its candidate with {champion.name}, which is no longer the champion of "
            f"{settings.evolution!r}: it was rolled back meanwhile. Resume, and the round starts from the champion."
        )
    key = champion_key(settings.evolution, round_number)
    open_store().commit(key, "champion", {"champion.json": to_json(candidate)}, {"reason": verdict.reason})
    announce_champion(settings.evolution)
    return read_champion(key)


def announce_champion(evolution: str) -> None:
    """Make MLflow's alias ``champion`` follow the store: what it missed first, then the last champion."""
    keys = list(open_store().list(champions_prefix(evolution)))
    if not keys:
        return
    champion, name = read_champion(keys[-1]), f"viper-{evolution}"
    run = tracker(evolution).run(evolution, champion_round(keys[-1]))
    if champion.artifact is None:
        run.clear_champion(name)
    else:
        run.set_champion(name, champion.artifact)
    run.end("FINISHED")
    log.info("Champion of %s: %s (%s)", evolution, champion.name, keys[-1])
