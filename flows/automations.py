"""Automations of a Prefect server, kept as the loop wants them and as people switched them."""

from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import AutomationCore

_PARTS = {"description", "trigger", "actions"}


def put_automation(client: SyncPrefectClient, wanted: AutomationCore) -> None:
    """Create an automation, or bring the one of that name up to date; one that a person switched off stays off.

    One that is as it should be is left alone: an update makes the server forget whose events it waits for.
    """
    found = client.read_automations_by_name(wanted.name)
    if not found:
        client.create_automation(wanted)
    elif found[0].model_dump(include=_PARTS) != wanted.model_dump(include=_PARTS):
        client.update_automation(found[0].id, wanted.model_copy(update={"enabled": found[0].enabled}))
