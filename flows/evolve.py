"""Self-evolution: rounds from champion to champion. Read this first, then ``round.py``.

A round makes its data with the champion, trains a candidate on it, and lets a paired test decide whether the candidate
becomes the champion. What is finished is found in the store and never done again, so starting an evolution again
continues it.
"""

import logging
from collections.abc import Mapping
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from flows import outcome, preflight
from flows.crash import say_why_it_crashed
from flows.cut import Cut
from flows.late import skip_missed_runs
from flows.round import run_round
from flows.runner import InProcess, one_worker
from flows.schedule import refuse_after_failures
from flows.start import ask, cut_of, open_store, runner_for
from storage.heartbeats import Heartbeat
from storage.layout import is_history
from storage.ledger.rounds import count_finished, finished_round
from tasks.overview import show_evolution
from tasks.worker import Worker
from viper.environment import store_root
from viper.errors import ApprovalNeeded, CorruptArtifact, StoreError
from viper.profiles import ProfileName, load_profile, parse_settings
from viper.records import ArtifactRef, RoundResult
from viper.settings import Settings

MAX_REPAIRS = 3
"""More damaged artifacts than this in one round are a broken disk, not an accident."""

log = logging.getLogger("viper")


@flow(
    name="evolve",
    task_runner=one_worker,
    flow_run_name=outcome.name_before,
    validate_parameters=False,
    on_crashed=[say_why_it_crashed],
)
def evolve(
    profile: ProfileName = "shapes",
    rounds: int = 1,
    settings: Settings | None = None,
    additional: bool = False,
    allow_code_change: bool = False,
) -> Any:
    """Run an evolution until it has ``rounds`` finished rounds, counted from its start.

    Whatever becomes of it, the state of the run says what was learned, or what broke and how to go on; a run that waits
    for a person's word is suspended if a worker runs it, and ends otherwise.

    Args:
        profile: Name of a shipped profile, or path to a TOML file; used where ``settings`` is not given.
        rounds: Rounds that the evolution shall have, at least 1. Finished ones are skipped.
        settings: The settings themselves, as the Prefect UI's form gives them.
        additional: Count ``rounds`` from what is finished now, as a schedule wants it: one more round every night.
        allow_code_change: Trainings may go on from checkpoints that other code made.

    Returns:
        The state of the run. What calls the flow gets the results of all rounds up to ``rounds``, a list of
        ``RoundResult``, finished before or now; or it is raised what stopped the run.

    Raises:
        ProfileError: The profile is wrong, or ``rounds`` is below 1.
        ApprovalNeeded: A person is to decide about a candidate.
        ViperError: Whatever else stops a round; starting again resumes it.
    """
    known: Settings | None = None
    try:
        known = _settings_of(profile, settings)
        skip_missed_runs()
        if refused := refuse_after_failures(outcome.this_run()):
            return outcome.not_begun(refused, known.notify)
        results, before = _run(known, profile, rounds, additional, allow_code_change)
    except ApprovalNeeded as needed:
        return outcome.waiting(needed, known)
    except Exception as error:  # whatever it is, the run says so
        return outcome.failed(error, known)
    return outcome.done(results, before, known.notify)


def _settings_of(profile: str, settings: Settings | Mapping[str, object] | None) -> Settings:
    """The run's settings, as an object or as the plain values that a deployment's form gives, or else the profile's.

    Prefect hands them over as they came, so that what is wrong with them is said in the words of a profile.
    """
    if settings is None:
        return load_profile(profile)
    return settings if isinstance(settings, Settings) else parse_settings(settings, "the settings of the run")


def _run(
    settings: Settings, profile: str, rounds: int, additional: bool, allow_code_change: bool
) -> tuple[list[RoundResult], int]:
    """The results of all rounds, and how many of them were finished before."""
    preflight.check(settings, rounds)
    store = open_store()
    # The run's id stays the same when it is retried, and so do the rounds that it asks for.
    rounds = ask(store, profile, rounds, settings, str(flow_run.id) if additional else "")
    before = count_finished(store, settings.evolution)
    outcome.name_run(settings.evolution, before + 1, rounds)
    cut = cut_of(store, settings)
    runner = runner_for(cut, Worker(store, cut.machine(allow_code_change)))
    with Heartbeat(store_root(), settings.evolution, lambda: str(runner.worker)):
        return run_rounds(runner, cut, rounds), before


def run_rounds(runner: InProcess, cut: Cut, rounds: int) -> list[RoundResult]:
    """All rounds up to ``rounds`` or to a collapse, each with the one before it as its parent."""
    results: list[RoundResult] = []
    parents: Mapping[str, ArtifactRef] = {}
    for round_number in range(1, rounds + 1):
        finished = finished_round(runner.store, cut.settings.evolution, round_number)
        is_news = finished is None
        if finished is None:
            finished = _run_repairing(runner, cut, round_number, parents)
        elif finished.settings_sha256 == cut.settings.sha256:
            log.info("Round %d is finished: skipped.", round_number)
        else:
            log.warning("Round %d was finished with other settings; the evolution goes on from it.", round_number)
        results.append(finished)
        if is_news or round_number == rounds or finished.verdict.decision == "collapse":
            show_evolution(runner.store, results)
        parents = finished.datasets
        if finished.verdict.decision == "collapse":
            log.warning(
                "Round %d collapsed: the evolution stops here. Change what led to it and go on under another name "
                "(--set evolution=NAME): what the change leaves as it was is reused.",
                round_number,
            )
            break
    return results


def _run_repairing(runner: InProcess, cut: Cut, round_number: int, parents: Mapping[str, ArtifactRef]) -> RoundResult:
    """The round's result; an artifact that turns out to be damaged is forgotten, and its step makes it anew.

    Raises:
        StoreError: What is damaged is history, which nothing can compute again.
    """
    title = f"round {round_number} of {cut.settings.evolution}"
    for _ in range(MAX_REPAIRS):
        try:
            return runner.group(title, run_round, cut, round_number, parents)
        except CorruptArtifact as error:
            if not error.key:
                raise
            if is_history(error.key):
                raise StoreError(
                    f"{error.key!r} is damaged, and it is history that nothing can compute again: the evolution stops "
                    f"rather than go on as if it had never been. Bring it and the blobs that it names back from a copy "
                    f"of {store_root()}, then resume. `viper store verify {error.key}` names what is damaged."
                ) from error
            log.warning("%s It is forgotten, and the round starts again.", error)
            runner.store.delete(error.key)
    return runner.group(title, run_round, cut, round_number, parents)
