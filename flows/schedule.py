"""The schedule of a deployment is paused after a collapse, and where its runs fail one after the other."""

from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.runtime import deployment, flow_run

IN_A_ROW = 3
"""Runs of a deployment that fail or crash one after the other before its schedule is paused."""
PAUSED = "Its schedule is paused:"
"""A run whose state says so begins a new count."""

_BAD = (StateType.FAILED, StateType.CRASHED)
_ENDED = [kind.value for kind in (*_BAD, StateType.COMPLETED, StateType.CANCELLED)]


def pause_schedule(reason: str) -> str:
    """Pause the schedule of this run's deployment, if it has one that is not paused yet.

    Args:
        reason: Why, as a clause.

    Returns:
        A sentence that says so and what to press; empty if nothing was paused.
    """
    if not deployment.id:
        return ""
    with get_client(sync_client=True) as client:
        found = client.read_deployment(UUID(str(deployment.id)))
        if found.paused or not any(schedule.active for schedule in found.schedules):
            return ""
        client.pause_deployment(found.id)
    return (
        f" {PAUSED} {reason}. When the cause is gone, switch the deployment {found.name!r} on again on its page in the "
        "Prefect UI."
    )


def pause_after_failures() -> str:
    """Pause the schedule if this run, which fails now, is the third in a row. Returns as ``pause_schedule``."""
    if not deployment.id:
        return ""
    return pause_schedule(f"{IN_A_ROW} runs in a row failed") if _failures_before() + 1 >= IN_A_ROW else ""


def refuse_after_failures() -> str:
    """The same for a run that its schedule starts after three failures, such as those of machines that were lost.

    Returns:
        Why the run shall not begin, with ``pause_schedule``'s sentence; empty if it may.
    """
    if not deployment.id or flow_run.run_count > 1 or not _is_scheduled():
        return ""
    if _failures_before() < IN_A_ROW:
        return ""
    paused = pause_schedule(f"the {IN_A_ROW} runs before this one failed or crashed")
    return paused and f"Not begun: the {IN_A_ROW} runs before it failed or crashed.{paused}"


def _is_scheduled() -> bool:
    """Whether a schedule made this run, and no person."""
    with get_client(sync_client=True) as client:
        return bool(client.read_flow_run(UUID(str(flow_run.id))).auto_scheduled)


def _failures_before() -> int:
    """Runs of this deployment that failed or crashed since the last one that did not, or that paused the schedule."""
    with get_client(sync_client=True) as client:
        bad = 0
        for run in _ended_runs(client):
            if run.state is None or run.state.type not in _BAD or PAUSED in (run.state.message or ""):
                break
            bad += 1
    return bad


def _ended_runs(client: SyncPrefectClient) -> list[FlowRun]:
    wanted = FlowRunFilter.model_validate(
        {"deployment_id": {"any_": [str(deployment.id)]}, "state": {"type": {"any_": _ENDED}}}
    )
    return client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.END_TIME_DESC, limit=IN_A_ROW)
