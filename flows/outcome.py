"""How a run of an evolution ends, in words: its name, and the state that answers what it learned or what broke.

A flow that returns a state ends in it, and its caller gets, or is raised, what the state holds.
"""

import errno
import functools
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows.approval import is_asked, show_page, suspend
from flows.notification import tell
from flows.schedule import pause_after_failures, pause_schedule
from viper.errors import ApprovalNeeded, ViperError
from viper.escaping import one_line
from viper.records import RoundResult
from viper.settings import NotifySettings, Settings

Given = ParamSpec("Given")
Result = TypeVar("Result")

ROOT = Path(__file__).resolve().parent.parent
SAID = {"promote": "promoted", "keep champion": "refused", "collapse": "collapsed"}
"""What became of a candidate, by the gate's decision."""


def name_before() -> str:
    """The name of a run until its rounds are known; one that begins again keeps the name that it has."""
    if flow_run.run_count:
        return str(flow_run.name)
    return f"evolve {flow_run.parameters['profile']}"


def this_run() -> FlowRun:
    """The flow run that is going on."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("no flow is running here")
    return context.flow_run


def name_run(evolution: str, first: int, last: int) -> None:
    """Name this run by its evolution and rounds, such as ``shapes, rounds 2–4``, unless it begins again.

    Args:
        evolution: Its name.
        first: The first round that is not finished.
        last: The last round that is asked for.
    """
    run = this_run()
    if run.run_count > 1:
        return
    name = f"{evolution}, rounds {first}–{last}" if first < last else f"{evolution}, round {last}"
    with get_client(sync_client=True) as client:
        client.set_flow_run_name(flow_run_id=run.id, name=name)
    run.name = name


def done(results: list[RoundResult], before: int, notify: NotifySettings) -> State[Any]:
    """The state of a run whose rounds are finished: verdict and gain of each.

    Args:
        results: Of all rounds.
        before: How many of them were finished before this run.
        notify: Who is told.
    """
    new, last = results[before:], results[-1]
    text = " ".join(_said(result) for result in new)
    if not new:
        text = f"Nothing to do: all rounds were finished before. {_said(last)}"
    if last.verdict.decision == "collapse":
        text += (
            " The champion stays, and the evolution stops here: change what led to it and go on under another name "
            "(evolution = NAME)." + pause_schedule(this_run().deployment_id, f"round {last.round_number} collapsed")
        )
        text += tell(notify, "collapse", text) if new else ""
    elif new:
        text += tell(notify, "promoted" if last.verdict.decision == "promote" else "refused", text)
    return Completed(message=text, data=results)


def _said(result: RoundResult) -> str:
    return f"Round {result.round_number}: {SAID[result.verdict.decision]}. {one_line(result.verdict.reason)}"


def waiting(needed: ApprovalNeeded, settings: Settings | None) -> State[Any]:
    """The state of a run that ends because a person is to decide first; a run of a deployment is suspended instead.

    Where another run waits for the same answer already, this one ends, too: one is enough to go on.

    Raises:
        Pause: The run is suspended.
    """
    text = f"{one_line(needed)} What is finished is kept."
    show_page(needed.page)
    if is_asked(needed.question):
        text = f"{text} Another run waits for the same answer, and goes on with it."
        return Cancelled(message=text, data=needed)
    text += tell(settings.notify, "approval", text) if settings else ""
    if this_run().deployment_id:
        suspend(needed, f"{text} Or press Resume here.")
    return Cancelled(message=text, data=needed)


def not_begun(text: str, notify: NotifySettings) -> State[Any]:
    """The state of a run that did not begin."""
    return Failed(message=text + tell(notify, "failed", text), data=ViperError(text))


def failed(error: Exception, settings: Settings | None) -> State[Any]:
    """The state of a run that failed: cause and remedy.

    Args:
        error: What stopped it.
        settings: Of the run; None if they could not be read.
    """
    if not isinstance(error, ViperError):
        get_run_logger().error("Nobody expected this error.", exc_info=error)
    text = f"{explain(error)} What is finished is kept: {how_to_go_on(settings)}."
    text += pause_after_failures(this_run())
    text += tell(settings.notify, "failed", text) if settings else ""
    return Failed(message=text, data=error)


def how_to_go_on(settings: Settings | None) -> str:
    """What to press or type, as a clause."""
    resume = f"`viper resume {settings.evolution}`" if settings else "`viper resume`"
    return f"press Retry on the page of this run, or type {resume}" if this_run().deployment_id else f"type {resume}"


def says_why(walk: Callable[Given, Result]) -> Callable[Given, Result]:
    """Decorator of what a flow runs: its state says cause and remedy where it fails. The caller is raised the error."""

    @functools.wraps(walk)
    def steps(*arguments: Given.args, **named: Given.kwargs) -> Result:
        try:
            return walk(*arguments, **named)
        except ApprovalNeeded as needed:
            ended: Any = Cancelled(message=one_line(needed), data=needed)
        except Exception as error:  # whatever it is, the run says so
            ended = Failed(message=explain(error), data=error)
        return cast(Result, ended)

    return steps


def explain(error: Exception) -> str:
    """The cause of a failure and what can be done about it, on one line."""
    if isinstance(error, ViperError):
        return one_line(error)
    cause = one_line(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    return f"{cause} (in {_place(error)}). {_remedy(error)}"


def _place(error: Exception) -> str:
    """The innermost line of the project in an error's stack."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT) and ".venv" not in frame.filename]
    return f"{Path(own[-1].filename).relative_to(ROOT)}, line {own[-1].lineno}" if own else "a library"


def _remedy(error: Exception) -> str:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return (
            "The memory is full. Stop what else uses it, or lower the batches of the step that failed (micro_batch, "
            "batch); models.painter.offload and models.editor.offload spare that of a GPU."
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full. Make space where VIPER_HOME and VIPER_STORE lie."
    if isinstance(error, ConnectionError | TimeoutError):
        return "A server did not answer. `viper doctor` says which one."
    return "That is a fault of the program: the log of this run holds its stack. Report it with that."
