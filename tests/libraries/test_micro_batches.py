"""A step's update is the same, however its rollouts are cut into micro-batches."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from models.grpo import make_trainer
from models.rewards import SentenceReward
from tests.grpo import ADAPTATION, STAGE, Letters, Rows, random_model, three_rows
from viper.settings import RewardSettings, VlmSettings

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*is deprecated:FutureWarning")
ANSWERS = [[20, 30, 40, 1], [21, 31], [50, 60, 70, 80, 90], [33], [44, 55, 66], [22, 23, 24, 25]]
"""Token ids of each rollout of the step."""
ROLLOUTS = STAGE.prompts_per_step * STAGE.generations


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> VlmSettings:
    return random_model(tmp_path_factory.mktemp("vlm"))


@pytest.fixture(scope="module")
def rows() -> Rows:
    return three_rows()


def gradient(model: VlmSettings, rows: Rows, folder: Path, micro_batch: int, shared_prefix: bool) -> torch.Tensor:
    """Of the first step, all weights in one vector. The rollouts are the same, however they are drawn."""
    found: list[torch.Tensor] = []

    class Keep(TrainerCallback):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            learning = [value.grad for value in given["model"].parameters() if value.grad is not None]
            found.append(torch.cat([value.flatten() for value in learning]))

    trainer = make_trainer(
        model,
        rows,
        STAGE.model_copy(update={"steps": 1, "warmup_steps": 0, "micro_batch": micro_batch}),
        ADAPTATION.model_copy(update={"shared_prefix": shared_prefix}),
        SentenceReward(Letters(), RewardSettings(threshold=0.7, coverage_weight=0.5)),
        5,
        folder,
        [Keep()],  # type: ignore[list-item]
    )
    if not shared_prefix:  # TRL's own way draws them micro-batch by micro-batch, so that other sizes would draw others
        trainer._generate_single_turn = lambda ids, *_, **__: ([ANSWERS[row] for row in range(len(ids))], None)  # type: ignore[method-assign]
    trainer.train()
    return found[0]


@pytest.mark.parametrize(
    "shared_prefix", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["shared prefix", "TRL's way"]
)
def test_micro_batches_of_any_size_give_the_same_gradient(
    model: VlmSettings, rows: Rows, tmp_path: Path, shared_prefix: bool
) -> None:
    whole = gradient(model, rows, tmp_path / "whole", ROLLOUTS, shared_prefix)
    assert whole.norm() > 1e-3
    for size in (1, 2, 3):  # a part of a group, whole groups, and parts of two
        part = gradient(model, rows, tmp_path / str(size), size, shared_prefix)
        assert (part - whole).norm() <= 1e-5 * whole.norm(), size
