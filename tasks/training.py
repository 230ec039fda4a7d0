"""One stage of training, in a process of its own that can be killed, watched and resumed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect import State
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from pydantic import JsonValue

from storage.layout import result_key
from storage.tracking import TrackedRun
from tasks.provenance import code_version
from tasks.step import (
    Entries,
    fingerprint,
    key_of,
    log,
    model_settings,
    once,
    open_store,
    read_json,
    seed_of,
    step_task,
    to_json,
)
from tasks.survey import current_survey
from tasks.tracking import tracker
from tasks.training_runner import run_training
from tasks.training_spec import TrainingSpec
from tasks.versioning import instructive_rows, rows_sha256
from viper.environment import scratch_folder, store_root
from viper.errors import Collapsed
from viper.records import ArtifactRef, ModelRef
from viper.settings import Settings, Stage, tasks_of

REPORT_EVERY = 5
"""Steps between two rows of figures in MLflow, and two updates of the progress line."""


@step_task(name="train stage", task_run_name="train {stage} from {start.name}")
def train_stage(
    settings: Settings,
    round_number: int,
    stage: Stage,
    start: ModelRef,
    versions: Mapping[str, ArtifactRef],
    allow_code_change: bool = False,
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``model``: the trained model as a whole folder. Its figures go to MLflow.

    A training that collapses is not repeated: its artifact is a ``collapse`` (see ``as_vlm``), found until a threshold
    is changed. Then it goes on from its newest checkpoint.

    Checkpoints go to the store while the training runs; a repeated call goes on from the newest whole one.

    Args:
        settings: Of the evolution.
        round_number: Counts from 1.
        stage: Which stage.
        start: The model to start from.
        versions: The round's dataset versions by task.
        allow_code_change: Go on from checkpoints that other code made.
    """
    training = settings.training
    datasets = tuple(versions[task] for task in tasks_of(stage))
    similarity = fingerprint(settings.models.similarity)
    decides = {
        "start": start.fingerprint,
        "rows": [rows_sha256(dataset) for dataset in datasets],
        "name": stage,
        "stage": training.stage(stage),
        "method": training.method,
        "lora": training.lora,
        "shared_prefix": training.shared_prefix,
        "reward": training.reward,
        "similarity": similarity,
        "dtype": settings.models.vlm.dtype,
        "seed": seed_of(settings, round_number, stage) % 2**31,
    }

    plan = TrainingSpec(
        store_root=store_root(),
        evolution=settings.evolution,
        round_number=round_number,
        stage=stage,
        stage_settings=training.stage(stage),
        training=training,
        collapse=settings.collapse,
        model=settings.models.vlm,
        model_sha256=start.fingerprint,
        similarity=settings.models.similarity,
        similarity_sha256=similarity,
        datasets=datasets,
        seed=seed_of(settings, round_number, stage) % 2**31,
        code_version=code_version(),
        allow_code_change=allow_code_change,
        work_folder="",
    )

    def compute(folder: str) -> tuple[Entries, dict[str, JsonValue]]:
        local = {"model": model_settings(settings, start), "work_folder": folder}
        spec = plan.model_copy(update=local)
        run = tracker(settings.evolution).run(settings.evolution, round_number, stage)
        run.log_params(training.stage(stage).model_dump() | {"method": training.method})
        for task, dataset in zip(tasks_of(stage), datasets, strict=True):
            run.log_dataset_input(dataset, f"{settings.evolution}-{task}", dataset.sha256[:16])
        progress = _Progress(run, stage, spec.stage_settings.steps)
        try:
            result = run_training(spec, training.hang_timeout_s, training.launcher, progress)
        except Collapsed as error:
            run.log_tags({"collapse": str(error)})
            run.end("KILLED")
            raise
        run.log_metrics({f"first/{name}": value for name, value in result.begin.items()})
        run.log_metrics({f"last/{name}": value for name, value in result.end.items()})
        run.end("FINISHED")
        model = Path(result.model_folder)
        entries: dict[str, bytes | Path] = {
            path.relative_to(model).as_posix(): path for path in sorted(model.rglob("*")) if path.is_file()
        }
        return entries, {}

    label = f"training {stage}"
    if (survey := current_survey()) is not None:
        survey.look_for_checkpoints(open_store(), label, plan.checkpoints, plan.stage_settings.steps)
    watched = {**decides, "collapse": settings.collapse}
    if (collapsed := open_store().find(result_key("collapse", key_of("collapse", 1, watched)))) is not None:
        return collapsed
    # A folder of its own: two runs of one round train beside each other, and the first one's model stands.
    with scratch_folder() as folder:
        try:
            return once("model", 3, decides, lambda: compute(str(folder)), label)
        except Collapsed as error:
            reason = str(error)
    log.warning("Training %s collapsed: %s", stage, reason)
    return once("collapse", 1, watched, lambda: ({"collapse.json": to_json({"stage": stage, "reason": reason})}, {}))


def has_lessons(settings: Settings, stage: Stage, versions: Mapping[str, ArtifactRef]) -> bool:
    """Whether the stage's dataset versions have something to teach, ``filter.min_samples`` rows at least.

    A champion whose captions are right leaves nothing to correct: that is no collapse, and the stage is left out.
    """
    rows = sum(instructive_rows(versions[task]) for task in tasks_of(stage))
    if rows < settings.filter.min_samples:
        least = f"filter.min_samples is {settings.filter.min_samples}"
        log.info("stage %s is left out: %d samples have something to teach; %s", stage, rows, least)
    return rows >= settings.filter.min_samples


class _Progress:
    """Forwards a training's figures to MLflow and to a progress line in the Prefect UI."""

    def __init__(self, run: TrackedRun, stage: str, steps: int) -> None:
        self._run, self._stage, self._steps = run, stage, steps
        self._line: Any = create_progress_artifact(0.0, key=f"training-{stage}", description=f"Training of {stage}")

    def __call__(self, line: dict[str, Any]) -> None:
        step, metrics = int(line["step"]), dict(line["metrics"])
        if not metrics or (step % REPORT_EVERY and step != self._steps):
            return
        self._run.log_metrics(metrics, step=step)
        shown = " ".join(
            f"{name.removeprefix('reward/')} {metrics[name]:.2f}"
            for name in ("reward", "reward/precision", "reward/coverage", "entropy", "completion_tokens")
            if name in metrics
        )
        update_progress_artifact(self._line, 100.0 * step / self._steps, description=f"step {step}: {shown}")
        if step % (4 * REPORT_EVERY) == 0 or step == self._steps:
            log.info("training %s: step %d of %d, %s", self._stage, step, self._steps, shown)


def as_vlm(round_number: int, trained: ArtifactRef) -> ModelRef:
    """The model of a stage as a record.

    Raises:
        Collapsed: The stage's training collapsed, now or in an earlier run.
    """
    if trained.kind == "collapse":
        found = read_json(trained, "collapse.json")
        raise Collapsed(f"Training {found['stage']}: {found['reason']}")
    return ModelRef(name=f"round {round_number}", artifact=trained, fingerprint=trained.sha256)
