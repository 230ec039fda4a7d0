"""A worker in a process of its own, which works off shards that a run elsewhere sends it.

It keeps the models of its steps, writes artifacts to the store itself, and sends back their references and what was
logged. How the process is started and reached is its caller's business.
"""

import logging
import os
import socket
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from storage.objects import ObjectStore
from tasks.provenance import code_version
from tasks.step import In, Step, perform
from tasks.worker import Machine, Worker
from viper.environment import home, prepare_environment
from viper.errors import ServiceFailed, StoreError
from viper.places import BUCKETS
from viper.records import ArtifactRef


@dataclass(frozen=True)
class Office:
    """What a process must share with the run that sends it shards."""

    code: str
    """Version of the code."""
    folder: str
    """What relative paths of the settings begin at."""
    home: str
    """``VIPER_HOME``, where the process has none of its own."""
    threads: str
    """``OMP_NUM_THREADS``: how many threads a model on the CPU computes in decides its last bits."""


@dataclass(frozen=True)
class Outcome:
    """What has become of a shard."""

    ref: ArtifactRef
    reused: bool
    """It was done before."""
    said: tuple[tuple[int, str], ...]
    """Level and text of what was logged meanwhile."""


def office() -> Office:
    """This process's own."""
    return Office(code_version(), os.getcwd(), str(home()), os.environ.get("OMP_NUM_THREADS", "1"))


def name_of(step: Step[In]) -> tuple[str, str]:
    """Module and name of a step, by which another process finds it."""
    return step.compute.__module__, step.compute.__qualname__


class ShardWorker:
    """Works off one shard at a time.

    Args:
        store: Where artifacts lie.
        machine: On which devices models run, as this process sees them.
        office: Of the run.
    """

    def __init__(self, store: ObjectStore, machine: Machine, office: Office) -> None:
        os.environ["OMP_NUM_THREADS"] = office.threads
        os.environ["VIPER_HOME"] = os.environ.get("VIPER_HOME") or office.home
        if Path(office.folder).is_dir():
            os.chdir(office.folder)
        self._office, self._told = office, (0, 0)
        self._worker = Worker(store, machine, lambda _: self._hear)

    def begin(self) -> str:
        """Look at what this process shares with the run, and say which process it is.

        Raises:
            ServiceFailed: It has other code.
            StoreError: It does not see the store.
        """
        prepare_environment()
        here, root = socket.gethostname(), self._worker.store.root
        if (code := code_version()) != self._office.code:
            raise ServiceFailed(
                f"A worker on {here} has the code {code}, but the run has {self._office.code}. Install the same code "
                "on every machine of the cluster."
            )
        if not root.startswith(BUCKETS) and not Path(root).is_dir():
            raise StoreError(
                f"The store is the folder {root!r}, which {here} does not see. Set VIPER_STORE to s3://BUCKET/PREFIX, "
                "or to a folder that all machines of the cluster share."
            )
        return f"process {os.getpid()} on {here}"

    def perform(self, module: str, name: str, inputs: Any) -> Outcome:
        """Do a shard, or find that it was done.

        Args:
            module: Of the step.
            name: Of the step.
            inputs: Of the shard.

        Raises:
            ViperError: As the step does.
        """
        self._told = (0, 0)
        step: Step[Any] = getattr(import_module(module), name)
        log, said = logging.getLogger("viper"), _Said()
        log.addHandler(said)
        log.setLevel(logging.INFO)
        try:
            ref, reused = perform(step, inputs, self._worker)
        finally:
            log.removeHandler(said)
        return Outcome(ref, reused, tuple(said.lines))

    def told(self) -> tuple[int, int]:
        """How many items of the present loop of how many are done; to be asked while a shard is worked on."""
        return self._told

    def release(self) -> None:
        """Forget all models."""
        self._worker.release()

    def _hear(self, done: int, total: int) -> None:
        self._told = (done, total)


class _Said(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelno, record.getMessage()))
