"""The gate's decision on a candidate, and the champion that follows from it."""

from collections.abc import Mapping
from typing import Any

from prefect import State
from pydantic import JsonValue

from models.statistics import compare, decide
from storage.layout import champion_key, champion_round, champions_prefix
from tasks.evaluation import mean_reply_words, read_replies
from tasks.step import Entries, fingerprint, once, open_store, read_json, seed_of, step_task, to_json
from viper.records import ArtifactRef, Verdict, Vlm
from viper.settings import Settings


@step_task(name="decide on the candidate")
def decide_on_candidate(
    settings: Settings, round_number: int, replies: Mapping[str, Mapping[str, list[ArtifactRef]]]
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``verdict``: ``verdict.json``.

    Args:
        settings: Of the evolution.
        round_number: Counts from 1.
        replies: By role (``base``, ``champion``, ``candidate``), then suite: the shards of replies, in order.
    """

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        read: dict[str, dict[str, list[dict[str, Any]]]] = {
            role: {suite: read_replies(list(parts)) for suite, parts in suites.items()}
            for role, suites in replies.items()
        }
        scores = {
            role: {suite: [reply["score"] for reply in kept] for suite, kept in suites.items()}
            for role, suites in read.items()
        }
        suites, mean = compare(scores, settings.gate, seed_of(settings, round_number, "bootstrap") % 2**31)
        longest = max(read["base"], key=lambda suite: mean_reply_words(read["base"][suite]))
        share = mean_reply_words(read["candidate"][longest]) / max(1e-9, mean_reply_words(read["base"][longest]))
        verdict = decide(suites, mean, share, settings.gate)
        return {"verdict.json": to_json(verdict)}, {"decision": verdict.decision}

    inputs = {
        "replies": replies,
        "gate": settings.gate,
        "seed": seed_of(settings, round_number, "bootstrap"),
    }
    return once("verdict", 1, inputs, compute)


def read_verdict(ref: ArtifactRef) -> Verdict:
    """The verdict in its artifact."""
    return Verdict.model_validate(read_json(ref, "verdict.json"))


def base_vlm(settings: Settings) -> Vlm:
    """The base model: champion of round 0."""
    vlm = settings.models.vlm
    return Vlm(name="base", settings_path=vlm.path, fingerprint=fingerprint(vlm))


def champion_before(settings: Settings, round_number: int) -> Vlm:
    """The champion that rounds before ``round_number`` made, or the base."""
    store = open_store()
    keys = [key for key in store.list(champions_prefix(settings.evolution)) if champion_round(key) < round_number]
    if not keys:
        return base_vlm(settings)
    ref = store.find(keys[-1])
    assert ref is not None
    return Vlm.model_validate(read_json(ref, "champion.json"))


@step_task(name="promote")
def promote(settings: Settings, round_number: int, candidate: Vlm, verdict: Verdict) -> Vlm:
    """The champion after the round. Writing it is one create-only reference, so repeating it changes nothing."""
    if verdict.decision != "promote":
        return champion_before(settings, round_number)
    store = open_store()
    key = champion_key(settings.evolution, round_number)
    store.commit(key, "champion", {"champion.json": to_json(candidate)}, {"reason": verdict.reason})
    ref = store.find(key)
    assert ref is not None
    return Vlm.model_validate(read_json(ref, "champion.json"))
