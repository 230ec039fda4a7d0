"""Why a run crashed, in its state: its process is gone, so the worker, or what is left of the process, says it.

Where a machine is lost with all its processes nobody calls this; then an automation of the server sets the state.
"""

import re

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Crashed

from flows.schedule import pause_after_failures

BEGINNING = "The process of the run is gone:"
_CAUSES = {
    "status code: -9.": "the system killed it, most often because the memory was full, or somebody did",
    "status code: 137.": "the system killed it, most often because the memory was full, or somebody did",
    "status code: -15.": "its worker or its machine was shut down",
    "termination signal": "its worker or its machine was shut down",
    "interrupt signal": "somebody pressed Ctrl-C",
    "cancelled by the runtime": (
        "it could not renew its place among the runs of its deployment; the Prefect server was away or forgot it"
    ),
    "could not start": "its worker could not start it; the log of the worker says why",
}
"""Pieces of Prefect's own messages, and what they mean."""


def say_why_it_crashed(flow: Flow[..., object], flow_run: FlowRun, state: State) -> None:
    """Put cause and remedy into the state of a run that crashed, and pause a schedule whose runs crash in a row.

    Prefect calls it as a hook, by these names of the arguments, and sometimes twice.
    """
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(flow_run.id)
        found = (run.state.message if run.state else None) or ""
        if run.state is None or not run.state.is_crashed() or found.startswith(BEGINNING):
            return
        text = f"{BEGINNING} {_cause(found)}. What is finished is kept: press Retry on the page of this run, or type "
        text += "`viper resume`."
        client.set_flow_run_state(run.id, Crashed(message=text + pause_after_failures(run)), force=True)


def _cause(message: str) -> str:
    for piece, cause in _CAUSES.items():
        if piece in message:
            return cause
    code = re.search(r"status code: (-?\d+)", message)
    if code:
        return f"it ended with {code[1]} before it could say why; the log of the worker does"
    return f"Prefect says “{message.rstrip('.')}”" if message else "nobody knows why"
