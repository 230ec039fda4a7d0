"""The Ray actors of one phase: started as shards ask for them, replaced when they die, and gone with their models.

Ray places them, watches them and says when one is gone. Which of them takes the next shard is decided by which is free.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, Queue
from threading import Lock
from typing import Any

from tasks.pace import Pace
from tasks.shard_worker import Outcome, name_of
from tasks.step import In, Step
from viper.errors import WorkerLost

WORK = "work"
"""The thread of an actor that works on shards; its other one says how far it is."""
LOOK_S = 5.0
"""Between two looks at how far a shard is, in seconds."""
WORD_S = 60.0
"""After so long without an actor, a shard says that it waits, in seconds."""
FREE_S = 60.0
"""So long an actor may take to let its models go, in seconds."""

log = logging.getLogger("viper")


class Actors:
    """The actors of one phase. Threads share it, each with one shard.

    Args:
        ray: The module, connected.
        kind: What they do, as in ``RunSettings``.
        most: How many there may be.
        make: Asks Ray for one more ``ShardWorker``.
    """

    def __init__(self, ray: Any, kind: str, most: int, make: Callable[[], Any]) -> None:
        self.kind, self.most = kind, most
        self._ray, self._make = ray, make
        self._lock, self._all = Lock(), set[Any]()
        self._free: Queue[tuple[Any, Future[str] | None]] = Queue()
        """Actors without a shard; of one that took none yet, what has become of its start."""

    def perform(self, step: Step[In], inputs: In) -> Outcome:
        """Have a shard done by the next actor that is free.

        Raises:
            WorkerLost: The actor is gone, or none could be started. Another may do the shard.
            Exception: What the step raises.
        """
        errors = self._ray.exceptions
        actor = self._take(inputs.title)
        try:
            shard = actor.perform.options(concurrency_group=WORK).remote(*name_of(step), inputs)
            found = self._wait(actor, shard, Pace(inputs.title))
        except errors.RayTaskError as error:
            self._free.put((actor, None))
            raise error.cause from error
        except errors.RayError as error:
            self._drop(actor)
            lost = f"The {self.kind} actor that worked on {inputs.title!r} is gone: {_cause(error)}."
            raise WorkerLost(lost) from error
        self._free.put((actor, None))
        return found

    def release(self) -> None:
        """Let all models go, then all actors. No shard may be worked on."""
        ready = []
        with suppress(Empty):
            while True:
                actor, begun = self._free.get_nowait()
                ready += [actor] if begun is None or begun.exception() is None else []
        if ready:
            self._ray.wait([actor.release.remote() for actor in ready], num_returns=len(ready), timeout=FREE_S)
        with self._lock:
            for actor in self._all:
                self._ray.kill(actor)
            self._all.clear()

    def _take(self, title: str) -> Any:
        with self._lock:
            if self._free.empty() and len(self._all) < self.most:
                self._start()
        while True:
            try:
                actor, begun = self._free.get(timeout=WORD_S)
            except Empty:
                log.warning(
                    "%s waits: no %s actor is there; it starts, or the Ray cluster has no room.", title, self.kind
                )
                continue
            if begun is not None:
                self._look_at(actor, begun)
            return actor

    def _start(self) -> None:
        actor = self._make()
        self._all.add(actor)
        # Ray calls back in a thread of its own, in which none of its functions may be called.
        actor.begin.remote().future().add_done_callback(lambda begun: self._free.put((actor, begun)))

    def _look_at(self, actor: Any, begun: "Future[str]") -> None:
        """An actor that was asked for is there, or never will be."""
        error = begun.exception()
        if error is None:
            log.info("%s actor: %s", self.kind, begun.result())
            return
        self._drop(actor)
        if isinstance(error, self._ray.exceptions.RayTaskError):
            raise error.cause from error
        raise WorkerLost(f"A {self.kind} actor could not be started: {_cause(error)}.") from error

    def _drop(self, actor: Any) -> None:
        with self._lock:
            self._all.discard(actor)
        self._ray.kill(actor)

    def _wait(self, actor: Any, shard: Any, pace: Pace) -> Outcome:
        """What has become of a shard; meanwhile it is said how far it is."""
        while not self._ray.wait([shard], timeout=LOOK_S)[0]:
            done, total = self._ray.get(actor.told.remote())
            if total:
                pace.tell(done, total)
        found: Outcome = self._ray.get(shard)
        return found


def _cause(error: BaseException) -> str:
    """The first line of what Ray says that tells more than a class."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
