"""Signs of life that Prefect's engine gives for a run, and how a run that is suspended ends them.

An automation of the server marks a run as crashed whose signs stop (``flows.deploying``). A run that waits for a person
has no process and gives none, so its last word must say that none is missed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.states import Cancelled

BEAT = "prefect.flow-run.heartbeat"
WAITS = "viper.flow-run.waits"
"""After this event of a run no further sign of life is expected."""


@contextmanager
def hushed() -> Iterator[None]:
    """Inside, the run of this process gives no signs of life.

    The engine gives none for a run that it takes for ended, by its own copy of the run's state: the server is told
    nothing. Where the context is left by an exception, the run stays silent.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    before = run.state if run else None
    if run is not None:
        run.state = Cancelled()
    yield
    if run is not None:
        run.state = before


def say_that_it_waits(run: str) -> None:
    """The last word of a run, on the way that its signs of life took: one that was late comes before it."""
    emit_event(WAITS, resource={"prefect.resource.id": f"prefect.flow-run.{run}"})
