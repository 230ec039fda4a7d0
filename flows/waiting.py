"""What the runs of the work pool wait for: Prefect gives a run that is late or queued no message of its own."""

from datetime import UTC, datetime

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, WorkPoolFilter
from prefect.client.schemas.objects import FlowRun, StateType, WorkerStatus, WorkPool
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from flows.deploying import POOL
from viper.records import Record

_QUEUED = (StateType.SCHEDULED, StateType.PENDING)
_BUSY = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
"""A run in one of these states has a place in the work pool."""


class Waiting(Record):
    """A run that is due and does not run yet."""

    run: str
    """Its name."""
    deployment: str
    state: str
    """As Prefect calls it, such as ``Late``."""
    due_s: float
    """Seconds since it should have begun."""
    why: str
    """What it waits for, and what can be done about it."""


def waiting_runs() -> list[Waiting]:
    """The runs of the work pool that wait on the server of ``PREFECT_API_URL``, the first due first."""
    with get_client(sync_client=True) as client:
        try:
            pool = client.read_work_pool(POOL)
        except ObjectNotFound:
            return []
        now, busy = datetime.now(UTC), _runs(client, _BUSY)
        names = {one.id: one.name for one in client.read_deployments()}
        has_worker = bool(online(client))
        return [
            Waiting(
                run=run.name,
                deployment=names.get(run.deployment_id, "") if run.deployment_id else "",
                state=run.state_name or "",
                due_s=(now - run.expected_start_time).total_seconds(),
                why=_why(run, pool, busy, has_worker),
            )
            for run in _runs(client, _QUEUED)
            if run.expected_start_time is not None and run.expected_start_time <= now
        ]


def online(client: SyncPrefectClient) -> list[str]:
    """Names of the pool's workers that give signs of life."""
    found = client.read_workers_for_work_pool(POOL)
    return [worker.name for worker in found if worker.status == WorkerStatus.ONLINE]


def _runs(client: SyncPrefectClient, kinds: tuple[StateType, ...]) -> list[FlowRun]:
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": [kind.value for kind in kinds]}}}),
        work_pool_filter=WorkPoolFilter.model_validate({"name": {"any_": [POOL]}}),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
    )


def _why(run: FlowRun, pool: WorkPool, busy: list[FlowRun], has_worker: bool) -> str:
    if run.state_type == StateType.PENDING:
        return "a worker has taken it, and its process begins"
    if pool.is_paused:
        return f"the work pool is paused: prefect work-pool resume {POOL}"
    sibling = next((one for one in busy if one.deployment_id == run.deployment_id), None)
    if sibling is not None:
        return f"{_said(sibling)}, and its deployment runs one at a time"
    if pool.concurrency_limit is not None and len(busy) >= pool.concurrency_limit:
        places = "the one place" if pool.concurrency_limit == 1 else f"one of the {pool.concurrency_limit} places"
        return f"{_said(busy[0])}, which has {places} of the work pool"
    if not has_worker:
        return f"no worker gives a sign of life: prefect worker start --pool {POOL}, or viper up"
    return "a worker takes it within seconds"


def _said(run: FlowRun) -> str:
    since = f" since {run.start_time.astimezone():%Y-%m-%d %H:%M}" if run.start_time else ""
    return f"{run.name!r}, {run.state_name}{since}"
