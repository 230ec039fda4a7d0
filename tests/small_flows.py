"""Flows that end as an evolution's run ends, without the round before it."""

import json
import logging
from typing import Any

from prefect import flow
from prefect.states import Completed

from flows import outcome
from flows.approval import with_approval
from flows.runner import InProcess, Runner, retried
from flows.start import open_store
from tests.loop import cut_for, worker_for
from viper.errors import ApprovalNeeded
from viper.records import ArtifactRef, ModelRef, RoundResult, Verdict
from viper.settings import NotifySettings

BASE = ModelRef(name="base", settings_path="./base", fingerprint="base")
CANDIDATE = ModelRef(name="round 1", settings_path="./candidate", fingerprint="candidate")
log = logging.getLogger("viper")
PROMOTE = Verdict(decision="promote", reason="Sees better than the champion: +3.0 points.")


@flow(name="asks")
def asks() -> Any:
    """The end of a round whose candidate the gate would promote, and that of the run around it."""
    cut = cut_for("gate.approval=true", "notify.block=custom-webhook/team")
    try:
        verdict = with_approval(open_store(), cut, 1, BASE, CANDIDATE, PROMOTE)
    except ApprovalNeeded as needed:
        return outcome.waiting(needed, cut.settings)
    return Completed(message=verdict.reason, data=verdict)


@flow(name="ends", flow_run_name=outcome.name_before)
def ends(profile: str, decision: str, first: int, last: int) -> Any:
    """The end of a run that finished rounds up to ``last``."""
    outcome.name_run("e", first, last)
    results = [_result(number, "promote") for number in range(1, last)]
    return outcome.done([*results, _result(last, decision)], first - 1, NotifySettings(**json.loads(profile)))


@flow(name="evolve", flow_run_name="e, rounds 1–2")
def speaks() -> None:
    """A run with a group and two steps in it, all of which say something, as an evolution's run does."""
    runner = InProcess(worker_for(cut_for()))
    log.info("The champion is base.")
    runner.group("round 1 of e", _speaking)


def _speaking(_: Runner) -> None:
    log.info("Round 1 begins.")
    for step, title, said in (
        ("model", "training csr from base", "reward 0.5"),
        ("paintings", "paint shard 0", "slow"),
    ):
        retried(step, title, lambda said=said: log.info(said)).submit().result()


def _result(number: int, decision: str) -> RoundResult:
    made = ArtifactRef(kind="report", uri="r", sha256="0" * 64, size_bytes=1)
    return RoundResult(
        evolution="e",
        round_number=number,
        settings_sha256="",
        base=BASE,
        champion_before=BASE,
        candidate=CANDIDATE,
        champion_after=CANDIDATE,
        datasets={},
        report=made,
        verdict=Verdict.model_validate({"decision": decision, "reason": f"Reason {number}."}),
        seconds=(),
    )
