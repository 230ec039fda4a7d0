"""The schedule of a deployment is paused after a collapse, and where its runs fail one after the other."""

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

IN_A_ROW = 3
"""Runs of a deployment that fail or crash one after the other before its schedule is paused."""
PAUSED = "Its schedule is paused:"
"""A run whose state says so begins a new count."""

_BAD = (StateType.FAILED, StateType.CRASHED)
_ENDED = [kind.value for kind in (*_BAD, StateType.COMPLETED, StateType.CANCELLED)]


def pause_schedule(deployment: UUID | None, reason: str) -> str:
    """Pause the schedule of a deployment, if it has one that is not paused yet.

    Args:
        deployment: Whose; None for a run without one.
        reason: Why, as a clause.

    Returns:
        A sentence that says so and what to press; empty if nothing was paused.
    """
    if deployment is None:
        return ""
    with get_client(sync_client=True) as client:
        found = client.read_deployment(deployment)
        if found.paused or not any(schedule.active for schedule in found.schedules):
            return ""
        client.pause_deployment(deployment)
    return (
        f" {PAUSED} {reason}. When the cause is gone, switch the deployment {found.name!r} on again on its page in the "
        "Prefect UI."
    )


def pause_after_failures(run: FlowRun) -> str:
    """Pause the schedule of the run's deployment if this run, which fails now, is the third in a row.

    Returns:
        As ``pause_schedule``.
    """
    if _failures_before(run) + 1 < IN_A_ROW:
        return ""
    return pause_schedule(run.deployment_id, f"{IN_A_ROW} runs in a row failed or crashed")


def refuse_after_failures(run: FlowRun) -> str:
    """The same for a run that a schedule starts after three failures, such as those of machines that were lost.

    Returns:
        Why the run shall not begin, with ``pause_schedule``'s sentence; empty if it may.
    """
    if not run.auto_scheduled or run.run_count > 1 or _failures_before(run) < IN_A_ROW:
        return ""
    paused = pause_schedule(run.deployment_id, f"the {IN_A_ROW} runs before this one failed or crashed")
    return paused and f"Not begun.{paused}"


def _failures_before(run: FlowRun) -> int:
    """Runs of the deployment that failed or crashed since the last one that did not, or that paused its schedule."""
    if run.deployment_id is None:
        return 0
    wanted = FlowRunFilter.model_validate(
        {"deployment_id": {"any_": [run.deployment_id]}, "state": {"type": {"any_": _ENDED}}}
    )
    with get_client(sync_client=True) as client:
        ended = client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.END_TIME_DESC, limit=IN_A_ROW + 1)
    bad = 0
    for other in ended:
        if other.id == run.id:
            continue
        if other.state is None or other.state.type not in _BAD or PAUSED in (other.state.message or ""):
            break
        bad += 1
    return bad
