"""Measures how fast the stages train: shared prefixes against TRL's own way, side by side in one process.

Both start from the same model, rows and seeds, and take turns, so that a machine that slows down slows both.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.datasets import read_dataset
from storage.layout import round_prefix
from tasks.step import open_store
from viper.errors import ViperError
from viper.profiles import override
from viper.settings import Settings, StageSettings, Task


@dataclass
class Throughput:
    """What one way of training did so far."""

    completions: int = 0
    informative_groups: float = 0.0
    """Groups whose rewards differ: the others teach nothing."""
    cpu_seconds: float = 0.0
    seconds: float = 0.0


def measure_throughput(settings: Settings, stage: Task, steps: int, turns: int = 2) -> dict[str, Throughput]:
    """Train ``turns`` times ``steps`` steps either way on round 1's dataset version; nothing is kept.

    Args:
        settings: Profile of an evolution with a finished synthesis.
        stage: Whose rows and settings to use.
        steps: Optimizer steps a turn. The first rollout batch of a turn is not counted.
        turns: How often each way has its turn.

    Raises:
        ViperError: The store holds no dataset version of the evolution's first round.
    """
    import torch

    torch.set_num_threads(1)  # as in a training process on CPUs
    store = open_store()
    keys = list(store.list(f"{round_prefix(settings.evolution, 1)}/datasets/{stage}"))
    ref = store.find(keys[-1]) if keys else None
    if ref is None:
        raise ViperError(
            f"There is no {stage} dataset of round 1 of {settings.evolution!r} in this store to train on. "
            "Run `viper evolve` first."
        )
    found = {"TRL": Throughput(), "shared prefix": Throughput()}
    with tempfile.TemporaryDirectory(prefix="throughput-") as folder:
        rows = read_dataset(store, ref, Path(folder) / "dataset")
        for _ in range(turns):
            for name, total in found.items():
                shared = str(name != "TRL").lower()
                chosen = override(
                    settings,
                    [
                        f"training.shared_prefix={shared}",
                        f"training.{stage}.steps={steps + 1}",
                        f"training.{stage}.checkpoint_steps={10 * steps}",
                    ],
                )
                stage_settings = chosen.training.csr if stage == "csr" else chosen.training.vop
                _train(chosen, stage_settings, rows, Path(folder) / "checkpoints", total)
    return found


def _train(settings: Settings, stage: StageSettings, rows: Any, folder: Path, total: Throughput) -> None:
    from models.grpo import make_trainer
    from models.grpo_reports import Reports
    from models.rewards import SentenceReward
    from models.similarity import load_similarity

    clock: list[tuple[float, float]] = []

    def on_step(_: int, figures: dict[str, float]) -> None:
        clock.append((time.perf_counter(), time.process_time()))
        if len(clock) > 1 and "zero_variance_groups" in figures:
            total.completions += stage.prompts_per_step * stage.generations
            total.informative_groups += stage.prompts_per_step * (1 - figures["zero_variance_groups"])

    trainer = make_trainer(
        settings.models.vlm,
        rows,
        stage,
        settings.training,
        SentenceReward(load_similarity(settings.models.similarity), settings.training.reward),
        seed=settings.seed,
        output_dir=folder,
        callbacks=[Reports(on_step, lambda *_: None)],
    )
    trainer.train()
    total.seconds += clock[-1][0] - clock[0][0]
    total.cpu_seconds += clock[-1][1] - clock[0][1]
