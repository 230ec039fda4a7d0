"""Measures how fast the stages train: shared prefixes against TRL's own way, side by side in one process.

Both start from the same model, rows and seeds, and take turns, so that a machine that slows down slows both.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.start import open_store
from storage.datasets import read_dataset
from storage.layout import datasets_prefix
from storage.objects import ObjectStore
from tasks.pace import Pace
from viper.errors import ViperError
from viper.progress import heard_by, tell
from viper.records import ArtifactRef
from viper.settings import GrpoStage, Settings


@dataclass
class Throughput:
    """What one way of training did so far."""

    completions: int = 0
    informative_groups: float = 0.0
    """Groups whose rewards differ: the others teach nothing."""
    cpu_seconds: float = 0.0
    seconds: float = 0.0


def measure_throughput(settings: Settings, name: str, steps: int, turns: int = 2) -> dict[str, Throughput]:
    """Train ``turns`` times ``steps`` steps either way on round 1's dataset version; nothing is kept.

    Args:
        settings: Profile of an evolution with a finished synthesis.
        name: Of the stage whose rows and settings to use.
        steps: Optimizer steps a turn. The first rollout batch of a turn is not counted.
        turns: How often each way has its turn.

    Raises:
        ViperError: There is no such stage by reinforcement, or the store holds no dataset version for it.
    """
    import torch
    from datasets import concatenate_datasets, disable_progress_bars
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bars()
    disable_progress_bar()
    torch.set_num_threads(1)  # as in a training process on CPUs
    store = open_store()
    stage, versions = find_rows(settings, name)
    stage = stage.model_copy(update={"steps": steps + 1, "checkpoint_steps": 10 * steps})
    found = {"TRL": Throughput(), "shared prefix": Throughput()}
    with tempfile.TemporaryDirectory(prefix="throughput-") as folder:
        rows = concatenate_datasets([read_dataset(store, ref, Path(folder) / "dataset") for ref in versions])
        pace, whole = Pace("training steps"), turns * len(found) * stage.steps
        for turn in range(turns):
            for number, (way, total) in enumerate(found.items()):
                before = (turn * len(found) + number) * stage.steps
                training = settings.training.model_copy(update={"shared_prefix": way != "TRL"})
                chosen = settings.model_copy(update={"training": training})
                with heard_by(lambda done, _: pace.tell(before + done, whole)):  # noqa: B023 - called inside the loop
                    _train(chosen, stage, rows, Path(folder) / "checkpoints", total)
    return found


def find_rows(settings: Settings, name: str) -> tuple[GrpoStage, list[ArtifactRef]]:
    """The stage of this name, and the dataset versions that it would train on.

    Raises:
        ViperError: There is no such stage by reinforcement, or the store holds no dataset version for it.
    """
    stage, store = _stage(settings, name), open_store()
    return stage, [_version(store, settings.evolution, lesson) for lesson in stage.lessons]


def _stage(settings: Settings, name: str) -> GrpoStage:
    stages = [stage for stage in settings.training.stages if isinstance(stage, GrpoStage)]
    for stage in stages:
        if stage.name == name:
            return stage
    known = ", ".join(stage.name for stage in stages) or "none"
    raise ViperError(f"The profile has no stage {name!r} that learns by reinforcement. It has: {known}.")


def _version(store: ObjectStore, evolution: str, lesson: str) -> ArtifactRef:
    """The newest dataset version of a lesson in the first round."""
    keys = list(store.list(f"{datasets_prefix(evolution, 1)}/{lesson}"))
    ref = store.find(keys[-1]) if keys else None
    if ref is None:
        raise ViperError(
            f"There is no {lesson} dataset of round 1 of {evolution!r} in this store to train on. "
            "Let it make one first: viper evolve with the same --profile and --set."
        )
    return ref


def _train(settings: Settings, stage: GrpoStage, rows: Any, folder: Path, total: Throughput) -> None:
    from models.grpo import make_trainer
    from models.grpo_reports import Reports
    from models.rewards import SentenceReward
    from models.similarity import load_similarity
    from models.trainable import Adaptation

    clock: list[tuple[float, float]] = []

    def on_step(step: int, figures: dict[str, float]) -> None:
        clock.append((time.perf_counter(), time.process_time()))
        tell(step, stage.steps)
        if len(clock) > 1 and "zero_variance_groups" in figures:
            total.completions += stage.prompts_per_step * stage.generations
            total.informative_groups += stage.prompts_per_step * (1 - figures["zero_variance_groups"])

    training = settings.training
    adaptation = Adaptation(
        method=training.method,
        lora=training.lora,
        vision_tower=training.vision_tower,
        shared_prefix=training.shared_prefix,
    )
    trainer = make_trainer(
        settings.models.vlm,
        rows,
        stage,
        adaptation,
        SentenceReward(load_similarity(settings.models.similarity), settings.training.reward),
        seed=settings.seed,
        output_dir=folder,
        callbacks=[Reports(on_step, lambda *_: None)],
    )
    trainer.train()
    total.seconds += clock[-1][0] - clock[0][0]
    total.cpu_seconds += clock[-1][1] - clock[0][1]
