"""How the flows run steps: ``submit(step, inputs)``, whoever does the work.

The flows are written once against this. Every submission is a Prefect task run, with its retries, state and time in the
UI. Here it is done in this process; ``flows.ray_runner`` has shards done on a Ray cluster, and ``flows.survey`` walks
the same way and computes nothing.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from prefect import Flow, State
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task

from flows.outcome import says_why
from storage.objects import ObjectStore
from tasks.pace import Phase
from tasks.step import In, Step, perform
from tasks.worker import Worker
from viper.errors import StoreUnavailable, WorkerLost
from viper.records import ArtifactRef

TRANSIENT = (StoreUnavailable, WorkerLost, ConnectionError, TimeoutError)
"""Errors that may pass by themselves. Everything else ends the step at once."""
PAUSES_S = [1.0, 5.0, 15.0, 30.0, 60.0]
"""Between the attempts of a step, in seconds: about two minutes in all."""

one_worker: Any = ThreadPoolTaskRunner(max_workers=1)
"""A process is one worker: its models are loaded once and never shared between threads."""

Result = TypeVar("Result")


class Pending(Protocol):
    """The artifact of a step that was submitted."""

    def result(self) -> ArtifactRef:
        """The artifact, once it is there. Raises what the step raised."""


class Runner(Protocol):
    """Runs steps."""

    @property
    def store(self) -> ObjectStore:
        """Where their artifacts lie."""

    def submit(self, step: Step[In], inputs: In) -> Pending:
        """Begin a step; those that were submitted before it may not be done yet."""

    def group(self, title: str, walk: Callable[..., Result], *arguments: object) -> Result:
        """What ``walk(runner, *arguments)`` gives; the steps in it belong together, under ``title``."""

    def forget(self, ref: ArtifactRef) -> None:
        """Remove an artifact that turned out to be of no use, so that its step runs again."""

    def release(self) -> None:
        """A phase is over: the models that it needed go."""


def run(runner: Runner, step: Step[In], inputs: In) -> ArtifactRef:
    """The artifact of one step."""
    return runner.submit(step, inputs).result()


def gather(pending: Iterable[Pending]) -> tuple[ArtifactRef, ...]:
    """The artifacts of submitted steps, in their order. Raises what the first failed step raised."""
    return tuple([one.result() for one in list(pending)])


class InProcess:
    """Runs steps one after the other in this process, each as a Prefect task run of the flow around it."""

    def __init__(self, worker: Worker) -> None:
        # Prefect sends what this logger says to the server, but leaves its level to whoever made it.
        logging.getLogger("viper").setLevel(logging.INFO)
        self.worker = worker
        self._phases: dict[str, Phase] = {}

    @property
    def store(self) -> ObjectStore:
        """Where artifacts lie."""
        return self.worker.store

    @property
    def threads(self) -> int:
        """Steps at once."""
        return 1

    def submit(self, step: Step[In], inputs: In) -> Pending:
        """Begin a step."""
        items = step.items(inputs, self.store) if step.items else 0
        if step.name not in self._phases:
            self._phases[step.name] = Phase(step.name)
        phase = self.worker.phase = self._phases[step.name]
        phase.expect(items or 1)
        done_by = self._doer(step, items)

        def work() -> ArtifactRef | State[ArtifactRef]:
            found, reused = done_by(step, inputs)
            phase.end(items or 1, reused=reused)
            if not reused:
                return found
            return Completed(name="Reused", message=f"Done before: {found.uri}", data=found)

        pending: Pending = retried(step.name, inputs.title, work).submit()
        return pending

    def _doer(self, step: Step[In], items: int) -> Callable[[Step[In], In], tuple[ArtifactRef, bool]]:
        """What gives the step's artifact, and whether it was done before. A shard has ``items``, other steps none."""
        return self._perform

    def _perform(self, step: Step[In], inputs: In) -> tuple[ArtifactRef, bool]:
        return perform(step, inputs, self.worker)

    def group(self, title: str, walk: Callable[..., Result], *arguments: object) -> Result:
        """The steps as a subflow."""

        # Without parameters: a runner is nothing that Prefect could show or keep.
        @says_why
        def steps() -> Result:
            return walk(self._inside(), *arguments)

        name = walk.__name__.strip("_").replace("_", " ")
        threads: Any = ThreadPoolTaskRunner(max_workers=self.threads)
        return Flow(steps, name=name, flow_run_name=title, task_runner=threads)()

    def _inside(self) -> "InProcess":
        """The runner of a subflow."""
        return InProcess(self.worker)

    def forget(self, ref: ArtifactRef) -> None:
        """Remove it from the store."""
        self.store.delete(ref.uri)

    def release(self) -> None:
        """Forget this process's models."""
        self.worker.release()


def retried(name: str, title: str, work: Callable[[], Any]) -> Any:
    """A Prefect task of some work: tried again on ``TRANSIENT`` errors, never cached by Prefect.

    The store is the only truth about what is done: Prefect shows it, as the state ``Reused``.
    """
    return Task(
        work,
        name=name,
        task_run_name=title,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=len(PAUSES_S),
        retry_delay_seconds=PAUSES_S,
        retry_condition_fn=_worth_a_retry,
        retry_jitter_factor=0.2,
    )


def _worth_a_retry(_task: Any, _run: Any, state: State) -> bool:
    return isinstance(state.result(raise_on_failure=False), TRANSIENT)
