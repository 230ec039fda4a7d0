"""``viper logs``: what a run of an evolution said, step by step, or a server of ``viper up``."""

import logging
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from commands.terminal import checking, prepare, say
from viper.environment import home
from viper.errors import ProfileError, ServiceFailed
from viper.servers import check_prefect

POLL_S = 2.0


def logs(
    name: Annotated[
        str,
        typer.Argument(help="An evolution (its newest run), or the name or id of a run; by default the newest run."),
    ] = "",
    step: Annotated[
        str, typer.Argument(help="Only steps whose title holds this, such as training, paint or 'round 2'.")
    ] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until the run ends.")] = False,
    service: Annotated[
        str, typer.Option(help="Of a service of `viper up` in place of a run: prefect, mlflow, s3, worker or deploy.")
    ] = "",
) -> None:
    """Show the log of a run and of all its steps, as the Prefect server keeps it."""
    prepare()
    with checking():
        if service:
            _show_file(service, follow)
            return
        check_prefect()
        if not os.environ.get("PREFECT_API_URL"):
            say(f"No PREFECT_API_URL: reading {home() / 'prefect'} takes some seconds", err=True)
        _show_run(name, step, follow)


def _show_run(name: str, step: str, follow: bool) -> None:
    from prefect import get_client

    from flows.logs import RunLog, find_run

    with get_client(sync_client=True) as client:
        log = RunLog(client, find_run(client, name), step)
        say(f"{log.run.name}  ({log.run.id})", bold=True)
        shown = 0
        while True:
            ended = log.has_ended()  # asked first: what is said before the end is read after it
            for line in log.new_lines(last=ended or not follow):
                _say_line(line.at, line.level, line.step, line.text)
                shown += 1
            if ended or not follow:
                break
            time.sleep(POLL_S)
    if step and not shown and not any(step.lower() in title.lower() for title in log.titles):
        known = ", ".join(log.titles) or "none yet"
        raise ProfileError(f"No step of {log.run.name!r} has {step!r} in its title. It has: {known}.")
    state = log.run.state
    if state is not None:
        say(f"{state.name}{f': {state.message}' if state.message else ''}", bold=True)


def _say_line(at: datetime, level: int, step: str, text: str) -> None:
    """Most lines begin with their step; where one does not, it is put before."""
    shown = text if text.startswith(step) else f"{step}: {text}"
    color = "red" if level >= logging.ERROR else "yellow" if level >= logging.WARNING else None
    say(f"{at.astimezone():%m-%d %H:%M:%S}  {shown}", fg=color)


def _show_file(service: str, follow: bool) -> None:
    folder = home() / "up"
    path = folder / f"{service}.log"
    if not path.is_file():
        there = ", ".join(sorted(one.stem for one in folder.glob("*.log"))) or "none: `viper up` has not run here"
        raise ServiceFailed(f"There is no {path}. Logs of services: {there}.")
    for line in _lines(path, follow):
        say(line)


def _lines(path: Path, follow: bool) -> Iterator[str]:
    """The lines of a file, and with ``follow`` those that are added, until Ctrl-C."""
    with path.open("rb") as file:
        while True:
            place, part = file.tell(), file.readline()
            if part.endswith(b"\n") or (part and not follow):
                yield part.decode(errors="replace").rstrip("\n")
            elif not follow:
                return
            else:
                file.seek(place)
                time.sleep(POLL_S)
