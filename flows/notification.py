"""Somebody is told, in one line, through a notification block of the Prefect server, such as Slack, e-mail, a webhook.

The block holds the address and its secrets. What an attempt to send raises may quote them, so that is shown nowhere.
A message that cannot be sent never fails a run; that it could not be sent is said in the log and in the run's state.
"""

import logging
from typing import Any
from uuid import UUID

from prefect.blocks.core import Block
from prefect.runtime import flow_run
from prefect.utilities.urls import url_for

from viper.escaping import one_line
from viper.settings import NotifySettings, Occurrence

SUBJECT = "ViPER Loop"

log = logging.getLogger("viper")


def tell(settings: NotifySettings, occurrence: Occurrence, text: str) -> str:
    """Send a line to whom the settings name, if they want to be told of this.

    Args:
        settings: Who is told, and of what.
        occurrence: What happened.
        text: What, why, what is kept, and what to press.

    Returns:
        Nothing, or a sentence that nobody could be told, for the state of the run.
    """
    if not settings.block or occurrence not in settings.on:
        return ""
    link = page_of_run()
    try:
        block: Any = Block.load(settings.block)
        with block.raise_on_failure():
            block.notify(
                body=f"{flow_run.name}: {text}{f' {link}' if link else ''}", subject=f"{SUBJECT}: {occurrence}"
            )
    except Exception as error:  # whatever a block's library raises: a round does not fail because of it
        fault = _fault(settings.block, error)
        log.warning(fault)
        return f" {fault}"
    log.info("Told through the block %s: %s", settings.block, occurrence)
    return ""


def page_of_run() -> str:
    """The address of this run's page, by PREFECT_UI_URL or derived from PREFECT_API_URL; empty without a server."""
    return (flow_run.id and url_for("flow-run", obj_id=UUID(str(flow_run.id)))) or ""


def _fault(block: str, error: Exception) -> str:
    """That nobody was told, and why, without the words of an error, which may quote an address with its secret."""
    if isinstance(error, ValueError) and "Unable to find block document" in str(error):
        return f"Nobody was told: this Prefect server has no block {block!r}. Make it in the UI under Blocks."
    status = getattr(getattr(error, "response", None), "status_code", None)
    why = f"it was answered with status {status}" if status else type(error).__name__
    return one_line(f"Nobody was told: the block {block!r} could not send ({why}). Check it in the UI under Blocks.")
