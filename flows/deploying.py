"""What the loop needs on a Prefect server: a work pool, the deployments, and the automation that finds lost machines.

``viper deploy`` and ``viper up`` bring it up to date. What a person switched in the UI stays as it was switched.
"""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from flows.alerts import keep_alerts
from flows.automations import put_automation
from flows.signs import BEAT, WAITS
from viper.errors import ServiceFailed

POOL = "viper"
FILE = Path(__file__).parents[1] / "deployments" / "prefect.yaml"
"""The one description of the deployments. It also sets how often their runs give a sign of life."""
SILENCE = timedelta(seconds=150)
"""A run that gave no sign of life for so long is lost: it missed five. The server may be away for two minutes."""
START = timedelta(seconds=240)
"""So long after a worker took it a run may take until its first sign of life."""
_QUIET = ("Scheduled", "AwaitingConcurrencySlot", "AwaitingRetry", "Suspended", "Paused", "Cancelling")
_ENDED = ("Completed", "Failed", "Crashed", "Cancelled")
"""Names of states, with those above, in which a run gives no sign of life and none is missed."""


def register() -> list[str]:
    """Make pool, deployments and automations on the server of ``PREFECT_API_URL``, or bring them up to date.

    Returns:
        What is there now, a line each.

    Raises:
        ServiceFailed: The server refuses a deployment.
    """
    with get_client(sync_client=True) as client:
        _make_pool(client)
        before = client.read_deployments()
        _deploy()
        _switch_back(client, before)
        for automation in automations():
            put_automation(client, automation)
        alerts = keep_alerts(client)
        names = sorted(deployment.name for deployment in client.read_deployments())
    return [
        f"work pool {POOL!r}: one run at a time",
        f"deployments {', '.join(names)}",
        f"automations {', '.join(repr(automation.name) for automation in automations())}",
        *alerts,
    ]


def automations() -> list[AutomationCore]:
    """They mark a run as crashed whose signs of life stay away: its machine is lost, and nobody else would say so."""
    kept = "What is finished is kept: press Retry."
    lost = f"No sign of life for {SILENCE.seconds} s: the machine or the process of this run is lost. {kept}"
    never = f"No sign of life in the {START.seconds} s after a worker took this run: the worker is lost. {kept}"
    pool = ResourceSpecification({"prefect.resource.role": "work-pool", "prefect.resource.name": POOL})
    return [
        _watch("viper: lost machines", BEAT, SILENCE, lost, ResourceSpecification({})),
        _watch("viper: lost starts", "prefect.flow-run.Pending", START, never, pool),
    ]


def _watch(name: str, after: str, within: timedelta, message: str, related: ResourceSpecification) -> AutomationCore:
    return AutomationCore(
        name=name,
        description="Marks a run without signs of life as crashed, so that the next one can start.",
        trigger=EventTrigger(
            after={after},
            expect={BEAT, WAITS, *(f"prefect.flow-run.{state}" for state in (*_QUIET, *_ENDED))},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=related,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=within,
        ),
        actions=[ChangeFlowRunState(name="Crashed", state=StateType.CRASHED, message=message, force=False)],
    )


def _make_pool(client: SyncPrefectClient) -> None:
    try:
        client.read_work_pool(POOL)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
    client.update_work_pool(POOL, WorkPoolUpdate(concurrency_limit=1))


def _deploy() -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(FILE)]
    done = subprocess.run(command, cwd=FILE.parents[1], capture_output=True, text=True)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        raise ServiceFailed(f"`{' '.join(command[2:])}` failed ({done.returncode}): {said[-2000:]}")


def _switch_back(client: SyncPrefectClient, before: list[DeploymentResponse]) -> None:
    """What was paused, and the schedules that were switched on or off, as they were: `prefect deploy` resets both."""
    switched = {(one.name, schedule.slug): schedule.active for one in before for schedule in one.schedules}
    paused = {one.name for one in before if one.paused}
    for deployment in client.read_deployments():
        if deployment.name in paused and not deployment.paused:
            client.pause_deployment(deployment.id)
        for schedule in deployment.schedules:
            active = switched.get((deployment.name, schedule.slug), schedule.active)
            if active != schedule.active:
                client.update_deployment_schedule(deployment.id, schedule.id, active=active)
