"""Who is told of a run that crashed: it cannot say so itself, its machine may be lost, so the server does."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound
from prefect.utilities.urls import url_for

from flows.automations import put_automation
from flows.notification import SUBJECT
from viper.errors import ProfileError
from viper.profiles import load_profile, parse_settings
from viper.settings import NotifySettings

PREFIX = "viper: tell "
"""Of the names of the automations that are made here; one of that name that is no longer wanted is removed."""
ONCE_IN = timedelta(seconds=60)
"""A worker reports a crash twice, some seconds apart."""
BODY = (
    "{{ flow_run.name }} crashed: its process or its machine is gone. What is finished is kept: press Retry on its "
    "page, or type `viper resume`."
)


def keep_alerts(client: SyncPrefectClient) -> list[str]:
    """Bring the automations that tell of crashes in line with the profiles of all deployments.

    Args:
        client: Of the server, with the deployments and the blocks that their profiles name under ``notify``.

    Returns:
        What is there now, and what could not be made and why, a line each.
    """
    said: list[str] = []
    wanted: dict[str, list[DeploymentResponse]] = {}
    for deployment in client.read_deployments():
        try:
            notify = _notify_of(deployment.parameters)
        except ProfileError as error:
            said.append(f"nobody is told of crashes of {deployment.name!r}, whose profile cannot be read: {error}")
            continue
        if notify.block and "crashed" in notify.on:
            wanted.setdefault(notify.block, []).append(deployment)
    kept = {f"{PREFIX}{block} of crashes": _alert(client, block, found) for block, found in wanted.items()}
    for name, automation in kept.items():
        if automation is None:
            said.append(f"nobody is told of crashes: this server has no block {name.split()[2]!r}; make it, and repeat")
        else:
            put_automation(client, automation)
            said.append(f"automation {name!r}")
    for old in client.read_automations():
        if old.name.startswith(PREFIX) and kept.get(old.name) is None:
            client.delete_automation(old.id)
    return said


def _notify_of(parameters: Mapping[str, Any]) -> NotifySettings:
    """Who is told of the runs with these parameters.

    Raises:
        ProfileError: Their settings are wrong.
    """
    if settings := parameters.get("settings"):
        return parse_settings(settings, "the deployment's settings").notify
    return load_profile(str(parameters.get("profile", "shapes"))).notify


def _alert(client: SyncPrefectClient, block: str, deployments: list[DeploymentResponse]) -> AutomationCore | None:
    """The automation that sends a line through a block; None if the server has no such block."""
    kind, _, name = block.partition("/")
    try:
        document = client.read_block_document_by_name(name, kind)
    except ObjectNotFound:
        return None
    return AutomationCore(
        name=f"{PREFIX}{block} of crashes",
        description="Tells of runs whose process or machine is gone, as the profiles of the deployments ask for.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed"},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            # Subflows crash with their run, and have no deployment of their own: one line is enough.
            match_related=ResourceSpecification(
                {
                    "prefect.resource.role": "deployment",
                    "prefect.resource.id": [f"prefect.deployment.{one.id}" for one in deployments],
                }
            ),
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=ONCE_IN,
        ),
        actions=[
            SendNotification(block_document_id=document.id, subject=f"{SUBJECT}: crashed", body=f"{BODY} {_page()}")
        ],
    )


def _page() -> str:
    """A template of the address of a run's page: by PREFECT_UI_URL, or derived from PREFECT_API_URL."""
    return (url_for("flow-run", obj_id="RUN") or "").replace("RUN", "{{ flow_run.id }}")
