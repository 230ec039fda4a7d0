"""What every training of a stage shares, whatever its objective: weights to train, order of the rows, rate, resume."""

import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from peft import LoraConfig
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from transformers import PreTrainedModel, PrinterCallback, Trainer
from transformers.trainer import SCHEDULER_NAME

from models.adapters import check_kept, put_on, save_adapter
from models.families.weights import adapter_targets, let_learn
from models.sharding import is_sharded, load_shards, save_shards, shard, whole_weights
from models.vlm import Vlm, load_vlm
from viper.errors import ProfileError
from viper.records import Record
from viper.settings import LoraSettings, VlmSettings

FINAL_RATE_SHARE = 0.1
SHARDS = "shards"
"""Folder of a checkpoint with the parts of all processes."""


class Adaptation(Record):
    """Which weights learn."""

    method: Literal["lora", "full"]
    """Adapters, or all weights of the language model."""
    lora: LoraSettings | None
    """Adapters, where ``method`` is ``lora``."""
    vision_tower: bool = False
    """Whether the vision tower and its projector learn, too."""
    shared_prefix: bool = False
    """Whether a stage by reinforcement computes a group's prompt once, if the model's family can."""
    sharded: bool = False
    """Whether the weights are divided among the processes (``models.sharding``); each has all of them otherwise."""


def rate_share(step: int, steps: int, warmup: int) -> float:
    """Share of the peak learning rate at ``step`` (from 0), in (0, 1]."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 1 - (1 - FINAL_RATE_SHARE) * min(1.0, (step - warmup) / max(1, steps - 1 - warmup))


def draw_order(rows: int, needed: int, seed: int) -> list[int]:
    """``needed`` row numbers: permutation after permutation of ``rows``, so that all are used equally often."""
    rng = np.random.default_rng(seed)
    passes = [rng.permutation(rows) for _ in range(-(-needed // rows))]
    return [int(number) for number in np.concatenate(passes)[:needed]]


def micro_batches(examples: int, micro_batch: int) -> int:
    """How many micro-batches each process computes of a step, all processes of the launcher sharing it evenly.

    Raises:
        ProfileError: They cannot.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if examples % (micro_batch * processes):
        raise ProfileError(
            f"The {examples} examples of a step cannot be shared by {processes} processes in micro-batches of "
            f"{micro_batch}. Choose micro_batch so that micro_batch x processes divides {examples}."
        )
    return examples // (micro_batch * processes)


@contextmanager
def _renamed_property() -> Iterator[None]:
    """Without a warning: TRL 1.16 reads a property that transformers 5.23 renamed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.* is deprecated", FutureWarning)
        yield


class ResumableTrainer(Trainer):
    """Mixed in before a trainer of TRL: loads a checkpoint's weights strictly, shapes the rate, keeps no times."""

    lr_scheduler: LRScheduler | None

    def __init__(self, warmup_steps: int, sharded: bool, **kwargs: Any) -> None:
        self._warmup_steps = warmup_steps
        with _renamed_property():
            super().__init__(**kwargs)
        self.remove_callback(PrinterCallback)
        if sharded:
            shard(self.model)
            # So that the trainer neither moves nor wraps what has its place.
            self.is_distributed_loading_by_transformers, self.place_model_on_device = True, False

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """As ``Trainer.train``, without the one warning that nobody who trains can act on."""
        with _renamed_property():
            return super().train(*args, **kwargs)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Hand a step's figures to the callbacks; its seconds do not stay in the state, whose bits no clock decides."""
        super().log(logs, start_time)
        self.state.log_history[-1].pop("step_time", None)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the weights of a checkpoint; those of a sharded model are written with the optimizer's state."""
        if not is_sharded(self.model):
            super().save_model(output_dir, _internal_call)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not is_sharded(self.model):
            super()._save_optimizer_and_scheduler(output_dir)
            return
        save_shards(self.model, self.optimizer.optimizer, Path(output_dir, SHARDS))
        if self.args.should_save and self.lr_scheduler is not None:
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir, SCHEDULER_NAME))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if not is_sharded(self.model):
            super()._load_optimizer_and_scheduler(checkpoint)
        elif checkpoint is not None and self.lr_scheduler is not None:
            load_shards(self.model, self.optimizer.optimizer, Path(checkpoint, SHARDS))
            self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint, SCHEDULER_NAME), weights_only=True))
            for group, rate in zip(self.optimizer.param_groups, self.lr_scheduler.get_last_lr(), strict=True):
                group["lr"] = rate  # of the next step, which is no part of the shards

    def _defer_fsdp_gradient_reduction(self) -> AbstractContextManager[None]:
        return nullcontext()  # whole gradients between micro-batches would take the memory that sharding saves

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        super()._save_checkpoint(*args, **kwargs)
        self.accelerator.wait_for_everyone()  # who reads it then finds the parts of all processes

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: PreTrainedModel | None = None) -> None:
        target = model or self.model
        if is_sharded(target):  # with the optimizer's state
            return
        if not isinstance(target, PreTrainedModel):
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        saved = type(target).from_pretrained(resume_from_checkpoint, dtype=target.dtype)
        target.load_state_dict(saved.state_dict(), strict=True)

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> LRScheduler:
        """Linear warm-up, then linearly down to a tenth of the peak."""
        if self.lr_scheduler is None:
            warmup = self._warmup_steps
            schedule = LambdaLR(optimizer or self.optimizer, lambda step: rate_share(step, num_training_steps, warmup))
            self.lr_scheduler, self._created_lr_scheduler = schedule, True
        return self.lr_scheduler


def load_trainable(model: VlmSettings, adaptation: Adaptation, adapter: str = "") -> tuple[Vlm, LoraConfig | None]:
    """The model with the weights that shall learn, and the form of a fresh adapter to put on it if it needs one.

    Args:
        model: The weights to start from.
        adaptation: Which weights learn.
        adapter: Folder of the adapter on them, which learns on; empty for none. Where all weights learn, it is merged
            into their 32 bits, which hold it.

    Raises:
        ModelError: The model cannot be loaded, adapters have no place in it, or the adapter has another form than the
            settings ask for.
    """
    tower = adaptation.vision_tower
    if adaptation.method == "lora":
        lora, vlm = adaptation.lora or LoraSettings(), load_vlm(model)
        targets = adapter_targets(vlm.model, vlm.family, lora.target_modules, tower)
        config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=targets)
        if not adapter:
            return vlm, config
        adapted = put_on(vlm.model, adapter, trainable=True)
        check_kept(adapted, config)
        return Vlm(adapted, vlm.processor), None
    vlm = load_vlm(model.model_copy(update={"dtype": "float32"}))
    if adapter:
        vlm = Vlm(put_on(vlm.model, adapter).merge_and_unload(), vlm.processor)
    let_learn(vlm.model, vlm.family, tower)
    return vlm, None


def save_trained(trainer: Trainer, base: str, revision: str, folder: Path) -> None:
    """Write what a stage made: the adapter, or all weights in 32 bits and the processor.

    Equal weights give equal files, however the training was interrupted. All processes call this; the main one writes.

    Args:
        trainer: At the end of its training.
        base: Hub name of the model below an adapter; empty if it has none.
        revision: Its commit.
        folder: Where to write. It must be there.
    """
    model, writes = trainer.accelerator.unwrap_model(trainer.model), trainer.accelerator.is_main_process
    weights = whole_weights(model, writes) if is_sharded(model) else None
    if not writes:
        return
    if not isinstance(model, PreTrainedModel):
        save_adapter(model, base, revision, folder, weights)
        return
    Vlm(model if weights else model.to(torch.float32), trainer.processing_class).save(folder, weights)
