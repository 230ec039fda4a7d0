"""One stage of training, in a process of its own that can be killed, watched and resumed."""

import logging
from pathlib import Path
from typing import Any

from models.payloads import Curves, Payload
from storage.layout import checkpoint_step
from storage.objects import ObjectStore
from storage.tracking import TrackedRun
from tasks.pace import Pace
from tasks.provenance import code_version
from tasks.shards import read_payload
from tasks.step import Made, step
from tasks.tracking import tracker
from tasks.training_figures import in_words, stage_figures
from tasks.training_runner import run_training
from tasks.training_spec import TrainingInputs, TrainingResult, TrainingSpec
from tasks.versioning import dataset_size
from tasks.worker import Worker
from viper.errors import Collapsed
from viper.records import ArtifactRef, ModelRef, Record

ADAPTER = "adapter"
"""The kind of the artifact of a training with adapters."""
COLLAPSE = "collapse"
"""The kind of the artifact of a training that collapsed."""

log = logging.getLogger("viper")


class TrainingCollapse(Record):
    """What a training that collapsed says of itself."""

    stage: str
    reason: str


class CollapsePayload(Payload[TrainingCollapse]):
    """Why a training collapsed."""

    entry = "collapse.json"


def _newest_checkpoint(inputs: TrainingInputs, store: ObjectStore) -> tuple[int, int]:
    """Optimizer steps behind the newest checkpoint, and of how many."""
    return max(map(checkpoint_step, store.list(inputs.checkpoints)), default=0), inputs.stage.steps


@step("model", 7, progress=_newest_checkpoint, roles=("training",))
def train_stage(inputs: TrainingInputs, worker: Worker) -> Made:
    """What the stage made: an ``adapter`` as peft saves it, or a ``model`` as a whole folder; payload ``Curves``.

    Its figures go to MLflow while it runs. A training that collapses leaves a ``collapse`` in its place (see
    ``trained_model``), which is found until a threshold is changed; then it goes on from its newest checkpoint.
    Checkpoints go to the store while the training runs, and a repeated call goes on from the newest whole one.
    """
    stage, occasion = inputs.stage, inputs.occasion
    run = tracker(occasion.evolution).run(occasion.evolution, occasion.round_number, stage.name)
    run.log_params(stage.model_dump() | {"method": inputs.method})
    for lesson, dataset in zip(stage.lessons, inputs.datasets, strict=True):
        rows = dataset_size(worker.store, dataset)
        run.log_dataset_input(dataset, f"{occasion.evolution}-{lesson}", dataset.sha256[:16], rows)
    machine = worker.machine
    try:
        progress = _Progress(run, stage.name, stage.steps)
        result = run_training(training_spec(inputs, worker), machine.hang_timeout_s, progress)
    except Collapsed as error:
        run.log_tags({"collapse": str(error)})
        run.end("KILLED")
        log.warning("Training %s collapsed: %s", stage.name, error)
        collapse = CollapsePayload(TrainingCollapse(stage=stage.name, reason=str(error)))
        return Made({**collapse.encoded(), **_curves(worker.folder)}, kind=COLLAPSE)
    _log_ends(run, result)
    model = Path(result.model_folder)
    files = sorted(path for path in model.rglob("*") if path.is_file())
    kind = ADAPTER if inputs.method == "lora" else ""
    return Made({path.relative_to(model).as_posix(): path for path in files} | _curves(worker.folder), kind=kind)


def _curves(folder: Path) -> dict[str, Path]:
    return {Curves.entry: folder / Curves.entry}


def training_spec(inputs: TrainingInputs, worker: Worker) -> TrainingSpec:
    """What the training process is told on this machine."""
    machine, by_reward = worker.machine, inputs.reinforcement
    return TrainingSpec(
        inputs=inputs,
        store_root=worker.store.root,
        model=worker.vlm_settings(inputs.start),
        adapter=worker.adapter_of(inputs.start.model),
        similarity=worker.settings_of(by_reward.similarity, machine.similarity) if by_reward else None,
        code_version=code_version(),
        allow_code_change=machine.allow_code_change,
        launcher=machine.launcher,
        sharding=machine.sharding,
        work_folder=str(worker.folder),
    )


def _log_ends(run: TrackedRun, result: TrainingResult) -> None:
    """The figures of the first and last steps."""
    for when, figures in (("at first", result.begin), ("at last", result.end)):
        run.log_metrics({f"steps {when}/{name.replace('/', ' ')}": one for name, one in figures.items()})
    run.end("FINISHED")


class _Progress:
    """Forwards a training's figures to MLflow, to the log and to a bar in the Prefect UI."""

    def __init__(self, run: TrackedRun, stage: str, steps: int) -> None:
        self._run, self._steps, self._pace = run, steps, Pace(f"training {stage}", f"training-{stage}")
        self._last: dict[str, float] = {}

    def __call__(self, line: dict[str, Any]) -> None:
        step, metrics = int(line["step"]), dict(line["metrics"])
        self._last |= metrics  # figures of the rollouts come with the first step on them alone
        if self._pace.tell(step, self._steps, in_words(self._last)) and metrics:
            self._run.log_metrics(stage_figures(metrics), step=step)


def trained_model(store: ObjectStore, round_number: int, start: ModelRef, trained: ArtifactRef) -> ModelRef:
    """The model of a stage.

    Args:
        store: Where it lies.
        round_number: Counts from 1.
        start: What the stage started from.
        trained: What ``train_stage`` left.

    Raises:
        Collapsed: The stage's training collapsed, now or in an earlier run.
    """
    if trained.kind == COLLAPSE:
        found = read_payload(store, trained, CollapsePayload).root
        raise Collapsed(f"Training {found.stage}: {found.reason}")
    name = f"round {round_number}"
    if trained.kind == ADAPTER:
        return start.with_lora(name, trained, trained.content_sha256)
    return ModelRef(name=name, artifact=trained, fingerprint=trained.content_sha256)
