"""Signs of life in the store: which processes work on an evolution now, as any machine can see."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from types import TracebackType

from storage.blobs import open_backend
from storage.layout import heartbeats_prefix
from viper.errors import StoreError
from viper.records import Record

BEAT_S = 15.0
SILENT_AFTER_S = 4 * BEAT_S
"""A process that gave no sign for this long is taken for dead, in seconds."""
FORGOTTEN_AFTER_S = 24 * 3600.0

_log = logging.getLogger(__name__)


class Beat(Record):
    """The last sign of one process."""

    host: str
    pid: int
    began: float
    """When it began, in seconds since the epoch."""
    doing: str
    """The step that it works on."""


class Heartbeat:
    """Gives a sign every ``BEAT_S`` seconds while the context lasts. A store that is away costs signs, nothing else."""

    def __init__(self, root: str, evolution: str, doing: Callable[[], str]) -> None:
        self._backend, self._doing, self._prefix = open_backend(root, attempts=2), doing, heartbeats_prefix(evolution)
        self._key = f"{self._prefix}/{uuid.uuid4().hex}"
        self._began, self._ended = time.time(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        self._quietly(self._forget_the_dead)
        while not self._ended.is_set():
            self._quietly(self._write)
            self._ended.wait(BEAT_S)
        self._quietly(lambda: self._backend.remove(self._key))

    def _write(self) -> None:
        beat = Beat(host=socket.gethostname(), pid=os.getpid(), began=self._began, doing=self._doing())
        self._backend.replace(self._key, beat.model_dump_json().encode())

    def _forget_the_dead(self) -> None:
        for key, stat in self._backend.stats(self._prefix).items():
            if stat.age_s > FORGOTTEN_AFTER_S:
                self._backend.remove(key)

    def _quietly(self, action: Callable[[], None]) -> None:
        try:
            action()
        except StoreError as error:
            _log.debug("No sign of life could be given: %s", error)


def living(root: str, evolution: str) -> list[tuple[Beat, float]]:
    """The processes that work on the evolution now, and the seconds since their last sign.

    A process of this machine is looked up here, so that its death is seen at once.
    """
    backend = open_backend(root)
    found: list[tuple[Beat, float]] = []
    for key, stat in sorted(backend.stats(heartbeats_prefix(evolution)).items()):
        data = backend.read(key)
        if data is None or stat.age_s > SILENT_AFTER_S:
            continue
        try:
            beat = Beat.model_validate_json(data)
        except ValueError:
            _log.warning("The sign of life %r is damaged: it is left out.", key)
            continue
        if beat.host != socket.gethostname() or _runs_here(beat.pid):
            found.append((beat, stat.age_s))
    return found


def _runs_here(pid: int) -> bool:
    import psutil

    try:
        # One that ended but that its parent has not asked about still has its number.
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
