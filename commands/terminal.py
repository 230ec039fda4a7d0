"""What every command does around its work: environment, log, errors in one line, exit codes, Ctrl-C."""

import json
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Annotated, Any

import typer

from commands.prefect_settings import check_prefect_settings, sets_prefect
from commands.progress import end_bars, show_log
from viper.addresses import hide_passwords
from viper.collector import resting_collector
from viper.environment import check_variables, prepare_environment
from viper.errors import ApprovalNeeded, OlderForm, ViperError
from viper.escaping import one_line, visible
from viper.servers import check_prefect_address, check_proxies, check_s3_answers, check_servers, check_store

USER_MISTAKE, FAILED, INTERRUPTED = 2, 1, 130
WAITING = 3
"""A person is to decide about a candidate before the run can go on."""
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")]


def say(text: str, **style: Any) -> None:
    """Print a line. What others wrote in it cannot act on the terminal."""
    typer.secho(visible(text), **style)


def say_json(value: object) -> None:
    """Print records, data classes and plain values as one JSON document, in ASCII characters alone."""
    from pydantic_core import to_jsonable_python

    typer.echo(json.dumps(to_jsonable_python(value), indent=1))


def said(error: Exception) -> str:
    """What an error says, on one line: only what to write in place of an older form has several."""
    return str(error) if isinstance(error, OlderForm) else one_line(error)


def prepare() -> None:
    """Defaults of the environment; a variable that cannot be used ends the command in one line."""
    with checking():
        chosen = sets_prefect()
        prepare_environment()
        hide_passwords()
        check_variables()
        check_proxies()
        check_prefect_address()
        if chosen:
            check_prefect_settings()


def reading() -> None:
    """The same for a command that reads the store: an S3 server that is away ends it in seconds, not minutes."""
    prepare()
    with checking():
        check_store()
        check_s3_answers()


def start() -> None:
    """The same for a command that works: the addresses of all servers are looked at, and the loop's log is shown."""
    prepare()
    with checking():
        check_store()
        check_s3_answers()
        check_servers()
    show_log()


@contextmanager
def checking() -> Iterator[None]:
    """Errors before any work has started: one line, exit code 2."""
    try:
        with resting_collector():  # most of its time is imports
            yield
    except ViperError as error:
        say(said(error), fg="red", err=True)
        raise typer.Exit(USER_MISTAKE) from None


@contextmanager
def working(resume: str) -> Iterator[None]:
    """Errors during work: one line that says how to go on."""
    _leave_errors_to_us()
    if not os.environ.get("PREFECT_API_URL"):
        signal.signal(signal.SIGINT, lambda *_: _stop_at_once(resume))
    try:
        yield
    except KeyboardInterrupt:
        say(f"\nStopped. What is finished is kept. Continue with: {resume}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except ApprovalNeeded as needed:
        say(f"{said(needed)}\nWhat is finished is kept. Continue after the decision with: {resume}", bold=True)
        raise typer.Exit(WAITING) from None
    except ViperError as error:
        say(f"{said(error)}\nWhat is finished is kept. Continue with: {resume}", fg="red", err=True)
        raise typer.Exit(FAILED) from None


def _leave_errors_to_us() -> None:
    """Keep Prefect from printing an error with its stack for the task and for every flow around it.

    Its pages still show that. An error that nobody expected is raised, and printed, all the same.
    """
    import_module("prefect.main")  # sets up logging
    for handler in logging.getLogger().handlers:
        handler.addFilter(
            lambda record: (
                record.levelno < logging.ERROR or not record.name.startswith(("prefect.flow_runs", "prefect.task_runs"))
            )
        )


def _stop_at_once(resume: str) -> None:
    """End this process and all that it started.

    Ctrl-C in a terminal also reaches the Prefect server that a run starts for itself. A run that went on to report its
    end there would retry for minutes.
    """
    import psutil

    end_bars()
    say(f"\nStopped. What is finished is kept. Continue with: {resume}", err=True)
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.terminate()
    os._exit(INTERRUPTED)
