"""A runner that does each step here and now, and notes how long it took, what it kept, and what the process held."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from flows.plan.duties import kind_of
from flows.plan.peaks import watched
from flows.survey import Seen
from storage.objects import ObjectStore
from tasks.step import In, Role, Step, perform
from tasks.training import ADAPTER, training_spec
from tasks.training_runner import run_training
from tasks.training_spec import TrainingInputs
from tasks.worker import Machine, Worker
from viper.records import ArtifactRef
from viper.settings import GrpoStage

Result = TypeVar("Result")
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


@dataclass
class Stopwatch:
    """Runs steps one after the other and notes what they took."""

    worker: TimedWorker
    seconds: dict[str, float] = field(default_factory=dict)
    """By kind of work."""
    stored: dict[str, int] = field(default_factory=dict)
    """Bytes, by kind of work."""
    peaks: dict[str, int] = field(default_factory=dict)
    """Most bytes that the process held, by step; of a training, that its own process held."""
    made: dict[str, list[ArtifactRef]] = field(default_factory=dict)
    """Artifacts by step."""
    starting: list[float] = field(default_factory=list)
    """Seconds of each training that were none of its steps'."""
    rollouts: dict[str, float] = field(default_factory=dict)
    """Mean tokens of a rollout, by stage."""

    @property
    def store(self) -> ObjectStore:
        """Where artifacts lie."""
        return self.worker.store

    def submit(self, step: Step[In], inputs: In) -> Seen:
        """Do the step."""
        kind, loaded, began = kind_of(step.name, inputs), self.worker.loaded_s, time.monotonic()
        if isinstance(inputs, TrainingInputs):
            return Seen(self._train(inputs, step.key(inputs)))
        with watched(self.worker.machine.vlm) as peak:
            ref, reused = perform(step, inputs, self.worker)
        if not reused:
            spent = time.monotonic() - began - (self.worker.loaded_s - loaded)
            self.seconds[kind] = self.seconds.get(kind, 0.0) + spent
            self.stored[kind] = self.stored.get(kind, 0) + ref.size_bytes
            self.made.setdefault(step.name, []).append(ref)
            self.peaks[step.name] = max(self.peaks.get(step.name, 0), peak.bytes)
        return Seen(ref)

    def group(self, title: str, walk: Callable[..., Result], *arguments: object) -> Result:
        """What the walk gives."""
        return walk(self, *arguments)

    def forget(self, ref: ArtifactRef) -> None:
        """Remove it from the store."""
        self.store.delete(ref.uri)

    def release(self) -> None:
        """Forget the models."""
        self.worker.release()

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
