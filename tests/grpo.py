"""A small training by reinforcement: a model of random weights, three rows, and a reward of letters."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from models import grpo
from models.grpo import make_trainer
from models.grpo_reports import Reports
from models.rewards import SentenceReward
from models.trainable import Adaptation
from viper.settings import GrpoStage, LoraSettings, RewardSettings, VlmSettings

STAGE = GrpoStage(
    objective="grpo",
    lessons=("vop",),
    steps=4,
    prompts_per_step=2,
    generations=3,
    learning_rate=1e-2,
    warmup_steps=1,
    max_completion_tokens=6,
    checkpoint_steps=2,
    micro_batch=3,
)
ADAPTATION = Adaptation(method="lora", lora=LoraSettings(rank=4, alpha=4), shared_prefix=True)
TEXT = "what was changed from the first picture to the second?"


class Letters:
    """Embeds a sentence as its letters' counts, so that random answers earn unequal rewards."""

    def embed(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        counts = np.array(
            [[sentence.count(chr(97 + i)) for i in range(26)] for sentence in sentences], dtype=np.float32
        )
        counts += 1e-3
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


class Rows(list[dict[str, Any]]):
    """Counts how often rows are read."""

    reads = 0

    def __getitem__(self, number: Any) -> Any:
        self.reads += 1
        return super().__getitem__(number)


def random_model(folder: Path) -> VlmSettings:
    """The settings of a model of random weights, saved to a folder."""
    from models.worlds.shapes.tokenizer import make_tokenizer
    from models.worlds.shapes.vlm import make_vlm, save_vlm

    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    save_vlm(make_vlm(tokenizer), tokenizer, folder)
    return VlmSettings(path=str(folder), dtype="float32", device="cpu")


def three_rows() -> Rows:
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)) for _ in range(6)]
    truth = ["the object at the top left is red, not blue.", "nothing to correct."]
    return Rows({"prompt": TEXT, "images": pictures[2 * i : 2 * i + 2], "truth": truth} for i in range(3))


def trainer_of(
    model: VlmSettings, rows: Any, folder: Path, reports: Sequence[Reports] = (), **changes: Any
) -> grpo.ViperTrainer:
    kinds = {name: changes.pop(name) for name in ("method", "lora", "vision_tower") if name in changes}
    adaptation = ADAPTATION.model_copy(update=kinds)
    reward = SentenceReward(Letters(), RewardSettings(threshold=0.7, coverage_weight=0.5))
    adapter, rollouts = changes.pop("adapter", ""), changes.pop("rollouts", None)
    stage = STAGE.model_copy(update=changes)
    return make_trainer(model, rows, stage, adaptation, reward, 5, folder, reports, adapter, rollouts)


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def losses_both_ways(
    trainer: grpo.ViperTrainer, numbers: Sequence[int], advantages: Sequence[float]
) -> dict[bool, tuple[float, dict[str, torch.Tensor]]]:
    """Loss and gradients of the same rollouts with shared prefixes (True) and in TRL's own way (False).

    Args:
        trainer: Shares prefixes; afterwards it does not.
        numbers: The row of each rollout.
        advantages: Of each rollout.
    """
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    found = {}
    for shared in (True, False):
        trainer._shared_prefix = shared
        batch = trainer._generate_and_score_completions([{"row": row, "place": row} for row in numbers])
        answers = trainer._sampled.answers
        trainer._generate_single_turn = lambda *_, answers=answers, **__: (answers, None)  # type: ignore[method-assign]
        batch["advantages"] = torch.tensor(advantages)
        trainer.model.zero_grad()
        loss = trainer._compute_loss(trainer.model, batch)
        loss.backward()
        gradients = {name: p.grad.clone() for name, p in trainer.model.named_parameters() if p.grad is not None}
        found[shared] = loss.item(), gradients
    return found
