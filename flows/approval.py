"""A person's word before a promotion: where the answer comes from, and how a run waits for it.

The answer lies in the ledger, so that a resume needs no second one. It is written by ``viper champion approve`` or
``reject``, or by the run itself when it was resumed with an answer in the Prefect UI. A run of a deployment is
suspended: no process waits, and a server that is restarted forgets nothing. Any other run ends and says what to do.
"""

from typing import Any, Literal
from uuid import UUID

from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import Pause
from prefect.input import Keyset, RunInput, keyset_from_base_key, read_flow_run_input
from prefect.runtime import flow_run
from prefect.states import Suspended
from prefect.utilities.engine import propose_state_sync
from pydantic import Field

from flows.cut import Cut
from flows.signs import hushed, say_that_it_waits
from storage.ledger.approvals import approval_of, keep_approval
from storage.objects import ObjectStore
from tasks.approval import approval_page, decided, question_of
from viper.errors import ApprovalNeeded
from viper.records import Approval, ModelRef, Record, Verdict


class Answer(RunInput):
    """The form that the Prefect UI shows to whoever presses Resume."""

    decision: Literal["approve", "reject"] = Field(
        description="Approve promotes the candidate, reject keeps the champion."
    )
    reason: str = Field(pattern=r"\S", description="Why. It becomes part of the round's verdict.")


class Question(Record):
    """What a person is to decide about a round's candidate, which the gate would promote."""

    evolution: str
    round_number: int
    verdict: Verdict
    """The gate's."""
    key: str
    """Hash of champion, candidate and verdict: whatever else is compared is another question."""

    def __str__(self) -> str:
        return (
            f"Round {self.round_number} waits for approval: viper champion approve {self.evolution} --reason TEXT (or "
            f"reject). {self.verdict.reason}"
        )


def open_question(
    store: ObjectStore, cut: Cut, round_number: int, champion: ModelRef, candidate: ModelRef, verdict: Verdict
) -> Question | None:
    """What is to be decided; None where the settings or the verdict ask nobody, or somebody has decided."""
    question = _question(cut, round_number, champion, candidate, verdict)
    return question if question and not approval_of(store, question.evolution, round_number, question.key) else None


def _question(
    cut: Cut, round_number: int, champion: ModelRef, candidate: ModelRef, verdict: Verdict
) -> Question | None:
    if not cut.settings.gate.approval or verdict.decision != "promote":
        return None
    key = question_of(champion, candidate, verdict)
    return Question(evolution=cut.settings.evolution, round_number=round_number, verdict=verdict, key=key)


def with_approval(
    store: ObjectStore, cut: Cut, round_number: int, champion: ModelRef, candidate: ModelRef, verdict: Verdict
) -> Verdict:
    """The gate's verdict or, where ``gate.approval`` asks for a person's word on a promotion, that of both.

    Raises:
        ApprovalNeeded: Nobody has decided yet.
    """
    question = _question(cut, round_number, champion, candidate, verdict)
    if question is None:
        return verdict
    approval = approval_of(store, question.evolution, round_number, question.key)
    if approval is None:
        answer = _answer_in_prefect(question.key)
        if answer is None:
            page = approval_page(question.evolution, round_number, verdict)
            raise ApprovalNeeded(str(question), question.key, page)
        approval = keep_approval(store, question.evolution, round_number, question.key, answer)
    return decided(verdict, approval)


def _answer_in_prefect(question: str) -> Approval | None:
    """What was answered when the run was resumed in the Prefect UI; None if it was not."""
    run = flow_run.root_flow_run_id
    found: Any = read_flow_run_input(_keys(question)["response"], flow_run_id=UUID(run)) if run else None
    if found is None:
        return None
    answer = Answer(**found)
    return Approval(approved=answer.decision == "approve", reason=answer.reason)


def suspend(needed: ApprovalNeeded, message: str) -> None:
    """Suspend this run until somebody answers; called in the flow's own context. Returns if the server refuses that.

    Args:
        needed: What is to be decided.
        message: Of the run's state.

    Raises:
        Pause: The run is suspended. Its process ends here; when it is resumed, the flow begins anew.
    """
    run = UUID(str(flow_run.id))
    keys = _keys(needed.question)
    # A run that was ended while it waited, and is retried, waits once more: a pause is taken once by its key.
    state: State[Any] = Suspended(pause_key=f"{_pause_key(needed.question)}-{flow_run.run_count}", message=message)
    state.state_details.run_input_keyset = {str(name): key for name, key in keys.items()}
    if read_flow_run_input(keys["schema"], flow_run_id=run) is None:
        # Before the state: whoever sees the run suspended can answer.
        Answer.with_initial_data(description=needed.page).save(keys, flow_run_id=run)
    with hushed(), get_client(sync_client=True) as client:
        suspended = propose_state_sync(client, state, flow_run_id=run)
        if suspended.is_paused():
            say_that_it_waits(str(run))
            raise Pause(state=suspended)


def waiting_runs(client: SyncPrefectClient, question: str) -> list[FlowRun]:
    """The suspended runs that wait for this answer."""
    paused = FlowRunFilter.model_validate({"state": {"type": {"any_": ["PAUSED"]}}})
    found = client.read_flow_runs(flow_run_filter=paused)
    return [run for run in found if run.state and _waits_for(run.state, question)]


def is_asked(question: str) -> bool:
    """Whether a suspended run waits for this answer already."""
    with get_client(sync_client=True) as client:
        return bool(waiting_runs(client, question))


def show_page(page: str) -> None:
    """The comparison in the Prefect UI, on the page of the run that waits."""
    create_markdown_artifact(page, key="approval", description="What a person is to decide, and how")


def resume_waiting(question: str, approval: Approval) -> list[str]:
    """Resume the suspended runs that wait for this answer.

    Returns:
        Their names.
    """
    answer = {"decision": "approve" if approval.approved else "reject", "reason": approval.reason}
    with get_client(sync_client=True) as client:
        runs = waiting_runs(client, question)
        for run in runs:
            client.resume_flow_run(run.id, run_input=answer)
    return [run.name for run in runs]


def _waits_for(state: State, question: str) -> bool:
    return (state.state_details.pause_key or "").startswith(_pause_key(question))


def _pause_key(question: str) -> str:
    return f"approval-{question}"


def _keys(question: str) -> Keyset:
    """Where the form and its answer lie beside a suspended run."""
    return keyset_from_base_key(_pause_key(question))
