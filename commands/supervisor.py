"""Starts services, keeps them running, and ends them with everything that they started.

Every process that a service starts inherits a mark in its environment, whatever sessions and groups it makes: by that
mark it is found and ended, also by a later command when the supervisor itself was killed.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import psutil

from commands.services import Service
from viper.asking import AwayError, ask
from viper.errors import ServiceFailed

READY_WITHIN_S = 300
PATIENCE_S = 20.0
"""Between the request to end and the end by force, in seconds."""
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""Before a service starts again; twice as long each time, in seconds."""
SETTLED_S = 300.0
"""A service that ran for so long has recovered: its next pause is the shortest again."""
_MARK = "VIPER_UP"


@dataclass
class _Kept:
    """A service that is kept running."""

    service: Service
    process: psutil.Popen
    since: float
    """When it was started, by the monotonic clock."""
    pause_s: float = SHORTEST_PAUSE_S
    again: float | None = None
    """When to start it again; None while it runs."""


@dataclass
class Supervisor:
    """Keeps services running until it is asked to stop.

    Args:
        folder: Of the logs; it is the mark, too.
        environment: Of all services.
        stopping: Set when everything shall end.
        say: Tells the person what happens.
    """

    folder: Path
    environment: dict[str, str]
    stopping: Event
    say: Callable[[str], None]
    _kept: list[_Kept] = field(default_factory=list)

    def log(self, name: str) -> Path:
        """Where a service writes."""
        return self.folder / f"{name}.log"

    def start(self, services: list[Service]) -> None:
        """Start services and wait until all are healthy, or until it is asked to stop.

        Raises:
            ServiceFailed: One ends by itself, or does not become healthy.
        """
        if self.stopping.is_set():
            return
        waiting = []
        for service in services:
            waiting.append(_Kept(service, self.run(service.name, service.command, service.settings), time.monotonic()))
            self._kept.append(waiting[-1])
        while waiting and not self.stopping.wait(0.3):
            waiting = [kept for kept in waiting if not self._is_ready(kept)]

    def run(self, name: str, command: list[str], settings: dict[str, str]) -> psutil.Popen:
        """Start a process with the mark, in a session of its own, so that a terminal's signals do not reach it."""
        environment = {**self.environment, **settings, _MARK: str(self.folder)}
        with self.log(name).open("ab") as log:
            return psutil.Popen(
                command,
                env=environment,
                cwd=self.folder.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def watch(self) -> None:
        """Start again what ends by itself, until it is asked to stop."""
        while not self.stopping.wait(0.5):
            for kept in self._kept:
                self._look(kept)

    def stop(self) -> None:
        """End all services, the last started first, with all that they started.

        What a service started ends before it does: so a run of the worker still says that it was ended.
        """
        while self._kept:
            kept = self._kept.pop()
            end(_children(kept.process))
            end([kept.process])
            still = {one.pid for other in self._kept for one in (other.process, *_children(other.process))}
            end([one for one in marked(self.folder) if one.pid not in still])
            self.say(f"{kept.service.name:8} stopped")
        end(list(marked(self.folder)))

    def _is_ready(self, kept: _Kept) -> bool:
        name, page, waited = kept.service.name, kept.service.page, time.monotonic() - kept.since
        if answers(page):
            self.say(f"{name:8} ready after {waited:.0f} s")
            return True
        if (status := kept.process.poll()) is not None:
            raise ServiceFailed(f"{name} ended while it started (status {status}). Its log: {self.log(name)}")
        if waited > READY_WITHIN_S:
            raise ServiceFailed(f"{name} does not answer at {page} after {waited:.0f} s. Its log: {self.log(name)}")
        return False

    def _look(self, kept: _Kept) -> None:
        now, name = time.monotonic(), kept.service.name
        if kept.again is not None:
            if now >= kept.again:
                kept.process = self.run(name, kept.service.command, kept.service.settings)
                kept.since, kept.again = now, None
        elif (status := kept.process.poll()) is not None:
            with suppress(ProcessLookupError):
                os.killpg(kept.process.pid, signal.SIGKILL)  # what it left behind holds its port
            pause_s = SHORTEST_PAUSE_S if now - kept.since > SETTLED_S else kept.pause_s
            kept.again, kept.pause_s = now + pause_s, min(2 * pause_s, LONGEST_PAUSE_S)
            self.say(f"{name:8} ended (status {status}), starts again in {pause_s:.0f} s. Its log: {self.log(name)}")


def answers(page: str) -> bool:
    """Whether a page answers 200."""
    try:
        return ask(page, "", "")[0] == 200
    except AwayError:
        return False


def marked(folder: Path) -> Iterator[psutil.Process]:
    """The living processes that services of this folder are, or started."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(_MARK) == str(folder):
                yield process


def end(processes: list[psutil.Process]) -> None:
    """Ask processes to end, and end by force those that do not within ``PATIENCE_S``."""
    for ask_to_end in (psutil.Process.terminate, psutil.Process.kill):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                ask_to_end(process)
        deadline = time.monotonic() + PATIENCE_S
        while processes and time.monotonic() < deadline:
            time.sleep(0.05)
            processes = [process for process in processes if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    """Whether a process still runs. One that ended and whose parent has not asked about it does not."""
    if isinstance(process, psutil.Popen):
        return process.poll() is None
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []
