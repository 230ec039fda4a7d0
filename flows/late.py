"""Runs that a schedule made while no worker was there: one stands for all, so that three missed nights are one."""

import logging
from datetime import UTC, datetime

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.context import FlowRunContext
from prefect.states import Cancelled

log = logging.getLogger("viper")


def skip_missed_runs() -> None:
    """Cancel the runs of this run's deployment that its schedule made, and that are due and have not begun.

    Runs that a person started are left alone, and so is everything where a run has no deployment.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None or run.deployment_id is None:
        return
    waiting = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[run.deployment_id]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
    )
    with get_client(sync_client=True) as client:
        for missed in client.read_flow_runs(flow_run_filter=waiting):
            due = missed.expected_start_time is not None and missed.expected_start_time <= datetime.now(UTC)
            # One that has begun waits for its retry, or was approved and goes on.
            begun = missed.run_count > 0 or missed.id == run.id
            if due and missed.auto_scheduled and not begun:
                log.info("The run of %s is left out: this one stands for it.", missed.expected_start_time)
                message = f"Missed: the run {run.name!r} stands for it."
                client.set_flow_run_state(missed.id, Cancelled(name="Skipped", message=message), force=True)
