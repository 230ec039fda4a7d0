"""``viper status``: what is done of an evolution, what is running, and what a resume would skip and do."""

import time
from typing import Any

from commands.terminal import say, say_json
from commands.waiting import show_waiting, waiting
from flows.start import cut_of, open_store
from flows.survey import Standing, Survey, survey_round
from storage.heartbeats import living
from storage.layout import MAX_ROUNDS
from storage.ledger.champions import champion_before
from storage.ledger.requests import Request, last_request
from storage.ledger.rounds import finished_round, finished_rounds
from storage.objects import ObjectStore
from viper.environment import store_root
from viper.records import ArtifactRef, RoundResult


def show_status(evolution: str, json: bool = False) -> None:
    """Print it, for an evolution or for the only one in the store, as lines or as one JSON document.

    Raises:
        ProfileError: There is no such evolution, or several to choose from.
    """
    store = open_store()
    asked = last_request(store, evolution)
    settings, rounds = asked.settings, asked.rounds
    if json:
        say_json(_facts(store, asked))
        return
    say(f"Evolution {settings.evolution!r}, profile {asked.profile!r}: {rounds} round(s) asked for", bold=True)
    say(f"Store      {store_root()}")
    say(f"Settings   sha256 {settings.sha256[:12]}…, as asked for last")
    _show_running(settings.evolution)
    show_waiting()
    parents: dict[str, ArtifactRef] = {}
    for number in range(1, rounds + 1):
        finished = finished_round(store, settings.evolution, number)
        if finished is None:
            _show_round(number, survey_round(store, cut_of(store, settings), number, parents))
            break
        _show_finished(finished, settings.sha256)
        if finished.verdict.decision == "collapse":
            say(f"Resume     does nothing: round {number} collapsed, and the evolution stops there")
            break
        parents = finished.datasets
    else:
        say("Resume     skips all rounds: they are finished")
    champion = champion_before(store, settings.evolution, MAX_ROUNDS)
    say(f"Champion   {champion.name if champion else 'base'}")


def _facts(store: ObjectStore, asked: Request) -> dict[str, Any]:
    """What the lines say, for scripts.

    ``next`` is the round that a resume works on, ``queue`` the runs that wait on the Prefect server; null if there is
    none.
    """
    name, finished = asked.settings.evolution, list(finished_rounds(store, asked.settings.evolution))
    ended = len(finished) >= asked.rounds or bool(finished and finished[-1].verdict.decision == "collapse")
    following: dict[str, Any] | None = None
    if not ended:
        parents = finished[-1].datasets if finished else {}
        survey = survey_round(store, cut_of(store, asked.settings), len(finished) + 1, parents)
        following = {"round": len(finished) + 1, "steps": survey.steps, "waits_for": survey.question}
    champion = champion_before(store, name, MAX_ROUNDS)
    return {
        "evolution": name,
        "profile": asked.profile,
        "rounds": asked.rounds,
        "settings_sha256": asked.settings.sha256,
        "store": store_root(),
        "running": [{**beat.model_dump(), "age_s": age_s} for beat, age_s in living(store_root(), name)],
        "queue": waiting(),
        "finished": [
            {
                "round": one.round_number,
                "settings_sha256": one.settings_sha256,
                "decision": one.verdict.decision,
                "reason": one.verdict.reason,
            }
            for one in finished
        ],
        "next": following,
        "champion": champion.name if champion else "base",
    }


def _show_running(evolution: str) -> None:
    found = living(store_root(), evolution)
    for beat, age_s in found:
        hours = (time.time() - beat.began) / 3600
        say(
            f"Running    process {beat.pid} on {beat.host} for {hours:.1f} h, heard of {age_s:.0f} s ago: {beat.doing}",
            fg="green",
        )
    if not found:
        say("Running    nothing gives a sign of life")


def _show_finished(result: RoundResult, asked: str) -> None:
    other = "" if result.settings_sha256 == asked else " (with other settings)"
    say(f"Round {result.round_number:<4} finished{other}: {result.verdict.decision}. {result.verdict.reason}")


def _show_round(number: int, survey: Survey) -> None:
    say(f"Round {number:<4} not finished")
    if survey.question is not None:
        say(f"Waiting    {survey.question}", fg="yellow")
        return
    for name, standing in survey.steps.items():
        say(f"  {name:14} {_progress(standing)}")
    skipped = sum(standing.done for standing in survey.steps.values())
    first = next((name for name, standing in survey.steps.items() if standing.done < standing.total), None)
    if first is None:
        say(f"Resume     skips {skipped} finished steps and goes on after the last of them")
        return
    standing = survey.steps[first]
    if standing.checkpoint:
        begin = f"goes on with {first} after step {standing.checkpoint} of {standing.units}"
    else:
        begin = f"begins with {first}: {standing.total - standing.done} of {standing.total} to do"
    say(f"Resume     skips {skipped} finished steps, {begin}")


def _progress(standing: Standing) -> str:
    text = f"{standing.done}/{standing.total}"
    if standing.done < standing.total and standing.units:
        text += f"  newest checkpoint after step {standing.checkpoint} of {standing.units}"
    return text
