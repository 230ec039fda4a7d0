"""A runner that does each step here and now, and notes how long it took, what it kept, and what the process held."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typing_extensions import override

from flows.plan.duties import kind_of
from flows.plan.peaks import watched
from flows.runner import InProcess, Pending, retried
from storage.objects import ObjectStore
from tasks.step import In, Role, Step, perform
from tasks.training import ADAPTER, training_spec
from tasks.training_runner import run_training
from tasks.training_spec import TrainingInputs
from tasks.worker import Machine, Worker
from viper.records import ArtifactRef
from viper.settings import GrpoStage

BATCHES = 2
"""Rollout batches of a measured training; the first one is not counted."""


class TimedWorker(Worker):
    """A worker that notes how long it loads models."""

    def __init__(self, store: ObjectStore, machine: Machine) -> None:
        super().__init__(store, machine)
        self.loading: dict[Role, list[float]] = {}

    @override
    def _loaded(self, role: Role, load: Callable[..., Any], *arguments: object) -> Any:
        began, held = time.monotonic(), sum(map(len, self._models.values()))
        found = super()._loaded(role, load, *arguments)
        if sum(map(len, self._models.values())) > held:
            self.loading.setdefault(role, []).append(time.monotonic() - began)
        return found

    @property
    def loaded_s(self) -> float:
        """Seconds spent on loading so far."""
        return sum(sum(times) for times in self.loading.values())


class Stopwatch(InProcess):
    """Runs steps as a round does, one after the other as Prefect's tasks, and notes what each took.

    Args:
        worker: Where the steps work.
    """

    worker: TimedWorker

    def __init__(self, worker: TimedWorker) -> None:
        super().__init__(worker)
        self.seconds: dict[str, float] = {}
        """By kind of work."""
        self.stored: dict[str, int] = {}
        """Bytes, by kind of work."""
        self.peaks: dict[str, int] = {}
        """Most bytes that the process held, by step; of a training, that its own process held."""
        self.made: dict[str, list[ArtifactRef]] = {}
        """Artifacts by step."""
        self.starting: list[float] = []
        """Seconds of each training that were none of its steps'."""
        self.rollouts: dict[str, float] = {}
        """Mean tokens of a rollout, by stage."""

    @override
    def submit(self, step: Step[In], inputs: In) -> Pending:
        def work() -> ArtifactRef:
            if isinstance(inputs, TrainingInputs):
                return self._train(inputs, step.key(inputs))
            return self._timed(step, inputs)

        pending: Pending = retried(step.name, inputs.title, work).submit()
        return pending

    def _timed(self, step: Step[In], inputs: In) -> ArtifactRef:
        """Do a step; what it took counts without the time that models took to load."""
        kind, loaded, began = kind_of(step.name, inputs), self.worker.loaded_s, time.monotonic()
        with watched(self.worker.machine.vlm) as peak:
            ref, reused = perform(step, inputs, self.worker)
        if not reused:
            spent = time.monotonic() - began - (self.worker.loaded_s - loaded)
            self.seconds[kind] = self.seconds.get(kind, 0.0) + spent
            self.stored[kind] = self.stored.get(kind, 0) + ref.size_bytes
            self.made.setdefault(step.name, []).append(ref)
            self.peaks[step.name] = max(self.peaks.get(step.name, 0), peak.bytes)
        return ref

    def _train(self, inputs: TrainingInputs, key: str) -> ArtifactRef:
        """A few steps of a stage, in a process as in a round, but without tracking."""
        stage, began = inputs.stage, time.monotonic()
        every = stage.updates_per_batch if isinstance(stage, GrpoStage) else 1
        steps = BATCHES * every
        short = stage.model_copy(update={"steps": steps, "checkpoint_steps": steps, "warmup_steps": 0})
        marks: list[tuple[float, dict[str, float]]] = []

        def on_progress(line: dict[str, Any]) -> None:
            marks.append((time.monotonic(), line["metrics"]))

        with self.worker.working_on(f"training {stage.name}", ("training",)):
            spec = training_spec(inputs.model_copy(update={"stage": short}), self.worker)
            with watched(self.worker.machine.vlm, child=True) as peak:
                result = run_training(spec, self.worker.machine.hang_timeout_s, on_progress)
            self.peaks[f"training {stage.name}"] = peak.bytes
            model = Path(result.model_folder)
            files = {path.relative_to(model).as_posix(): path for path in model.rglob("*") if path.is_file()}
            ref = self.store.commit(key, ADAPTER if inputs.method == "lora" else "model", files)
        ended = time.monotonic()
        kind = kind_of("model", inputs)
        self.seconds[kind] = (marks[-1][0] - marks[every][0]) / every
        self.starting.append((marks[0][0] - began) + (ended - marks[-1][0]))
        self.stored[kind] = ref.size_bytes
        tokens = [figures["completion_tokens"] for _, figures in marks if "completion_tokens" in figures]
        self.rollouts[stage.name] = sum(tokens) / len(tokens) if tokens else 0.0
        return ref

    @override
    def _inside(self) -> InProcess:
        return self
