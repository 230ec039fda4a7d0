"""Runs the steps of shards on the actors of a Ray cluster, beside each other, and all other steps in this process."""

import logging
from collections.abc import Callable
from threading import Lock
from typing import Any

from typing_extensions import override

from flows.actors import WORK, Actors
from flows.ray_cluster import KINDS, connect, kind_of_roles, needs_of, room_for
from flows.runner import InProcess, Pending
from tasks.shard_worker import ShardWorker, office
from tasks.step import In, Role, Step, find_made
from tasks.worker import Worker
from viper.records import ArtifactRef
from viper.settings import ActorSettings, Settings

log = logging.getLogger("viper")


class Crews:
    """The actors of the present phase. A phase is steps with models of the same roles; the next one has its own actors.

    Args:
        worker: Of the run: its store, and what its machine is told.
        settings: Of the evolution.

    Raises:
        ViperError: There is no cluster.
    """

    def __init__(self, worker: Worker, settings: Settings) -> None:
        self._worker, self._settings, self._ray = worker, settings, connect()
        self._crew: Actors | None = None
        self.alone = Lock()
        """Held by the step that this process works on itself."""

    @property
    def most(self) -> int:
        """Actors of the largest phase."""
        return max(self._size(kind) for kind in KINDS)

    def has(self, roles: tuple[Role, ...]) -> bool:
        """Whether the present actors are those of such steps."""
        return self._crew is not None and self._crew.kind == kind_of_roles(roles)

    def call(self, roles: tuple[Role, ...]) -> Actors:
        """The actors for steps with these roles; those of another phase go before."""
        if self._crew is None or not self.has(roles):
            self.release()
            kind = kind_of_roles(roles)
            self._crew = Actors(self._ray, kind, self._size(kind), lambda: self._actor(kind))
        return self._crew

    def release(self) -> None:
        """The phase is over: its actors go."""
        if self._crew is not None:
            self._crew.release()
            self._crew = None

    def _size(self, kind: str) -> int:
        asked: ActorSettings = getattr(self._settings.run, kind)
        return asked.actors or max(1, room_for(needs_of(self._settings, kind)))

    def _actor(self, kind: str) -> object:
        needs = needs_of(self._settings, kind)
        asked = {"num_cpus": needs.cpus, "num_gpus": needs.gpus, "concurrency_groups": {WORK: 1}}
        actor_class = self._ray.remote(**asked, scheduling_strategy="SPREAD")(ShardWorker)
        actor: object = actor_class.remote(self._worker.store, self._worker.machine, office())
        return actor


class RayRunner(InProcess):
    """Runs the steps of shards on actors, each as a Prefect task run of this process, which waits for it.

    Args:
        worker: Works on all other steps.
        crews: The actors.
    """

    def __init__(self, worker: Worker, crews: Crews) -> None:
        super().__init__(worker)
        self._crews = crews
        self._submitted: list[Any] = []

    @property
    @override
    def threads(self) -> int:
        """As many as there may be actors."""
        return self._crews.most

    @override
    def submit(self, step: Step[In], inputs: In) -> Pending:
        pending = super().submit(step, inputs)
        self._submitted.append(pending)
        return pending

    @override
    def _doer(self, step: Step[In], items: int) -> Callable[[Step[In], In], tuple[ArtifactRef, bool]]:
        if not items:
            return self._perform
        if not self._crews.has(step.roles):
            for one in self._submitted:  # no two phases have their models on a GPU at once
                one.wait()
            self._submitted.clear()
        crew = self._crews.call(step.roles)
        return lambda step, inputs: self._perform_elsewhere(crew, step, inputs)

    @override
    def _perform(self, step: Step[In], inputs: In) -> tuple[ArtifactRef, bool]:
        with self._crews.alone:
            return super()._perform(step, inputs)

    def _perform_elsewhere(self, crew: Actors, step: Step[In], inputs: In) -> tuple[ArtifactRef, bool]:
        if (found := find_made(step, inputs, self.store)) is not None:
            return found, True
        self.worker.doing = f"{crew.kind} actors"
        outcome = crew.perform(step, inputs)
        for level, text in outcome.said:
            log.log(level, "%s", text)
        return outcome.ref, outcome.reused

    @override
    def release(self) -> None:
        """Forget the models of this process and of the actors."""
        super().release()
        self._crews.release()

    @override
    def _inside(self) -> InProcess:
        return RayRunner(self.worker, self._crews)
