"""Group-relative policy optimization of one stage: TRL's trainer, assembled as ViPER describes it.

How it departs from textbook GRPO (arXiv 2402.03300):
    - no KL term and no reference model (beta = 0)
    - the clip's bounds differ, ratio in [1 - epsilon_low, 1 + epsilon_high] (DAPO's clip-higher, arXiv 2503.14476)
    - one reward, by sentences of the answer (``models.rewards``)
Kept: advantage (R - mean) / std within the group, mean over the tokens of a rollout, then over the rollouts.

How it departs from TRL's trainer:
    - the sampler draws row numbers; an image is decoded and processed once a rollout batch (TRL: twice a rollout)
    - one long epoch in an order drawn from the seed, and checkpoints between rollout batches only: a training that
      is killed and resumed ends in the same bits
    - resuming a full fine-tuning loads the checkpoint's weights strictly (transformers matches no key and says nothing)
    - the rate warms up linearly and falls linearly to 10 %
    - image tokens must equal image features before a rollout starts

Methods: ``lora`` trains a fresh adapter, ``full`` all weights of the language model (kept in 32 bits, since smaller
formats lose small updates). The vision tower is frozen in both. A stage's product is a whole model (``save_merged``).
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from transformers import PreTrainedModel, PrinterCallback, TrainerCallback
from trl import GRPOConfig

from models.rewards import SentenceReward
from models.rollout_images import check_image_tokens, processed_once
from models.shared_prefix_trainer import SharedPrefixTrainer
from models.vlm import load_vlm
from viper.errors import ProfileError
from viper.settings import ModelSettings, StageSettings, TrainingSettings

FINAL_RATE_SHARE = 0.1


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


class ViperTrainer(SharedPrefixTrainer):
    """TRL's trainer on rows that are read, decoded and processed once a rollout batch."""

    lr_scheduler: LRScheduler | None

    def __init__(
        self,
        rows: Any,
        order: Sequence[int],
        reward: SentenceReward,
        warmup_steps: int,
        shared_prefix: bool,
        **kwargs: Any,
    ) -> None:
        self._rows, self._reward, self._warmup_steps = rows, reward, warmup_steps
        numbers = Dataset.from_dict({"row": list(order)})
        super().__init__(shared_prefix, reward_funcs=[self._score], train_dataset=numbers, **kwargs)
        self.remove_callback(PrinterCallback)

    def _score(
        self,
        completions: list[list[dict[str, str]]],
        completion_ids: list[list[int]],
        truth: list[list[str]],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float]:
        answers = [messages[0]["content"].strip() for messages in completions]
        finished = [bool(ids) and ids[-1] in self.eos_token_ids for ids in completion_ids]
        parts = self._reward.score(answers, truth, finished)
        log_metric("reward/format", float(np.mean([part.format for part in parts])))
        log_metric("reward/precision", float(np.mean([part.precision for part in parts])))
        log_metric("reward/coverage", float(np.mean([part.coverage for part in parts])))
        log_metric("completion_chars", float(np.mean([part.length_chars for part in parts])))
        return [part.total for part in parts]

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        rows = {number: self._read(number) for number in dict.fromkeys(example["row"] for example in inputs)}
        self.groups = [example["row"] for example in inputs]
        with processed_once(self.processing_class.image_processor):
            batch: dict[str, Any] = super()._generate_and_score_completions([rows[one["row"]] for one in inputs])
        return batch

    def _read(self, number: int) -> dict[str, Any]:
        row = self._rows[number]
        prompt = row["prompt"]
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        return {"prompt": messages, "images": list(row["images"]), "truth": list(row["truth"])}

    def _tokenize_prompts(self, prompts: list[Any]) -> tuple[list[list[int]], Any, dict[str, Any]]:
        prompt_ids, images, fields = super()._tokenize_prompts(prompts)
        if "image_grid_thw" in fields:
            check_image_tokens(prompt_ids, images, fields["image_grid_thw"], self.processing_class)
        return prompt_ids, images, fields

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: PreTrainedModel | None = None) -> None:
        target = model or self.model
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


def make_config(
    model: ModelSettings, stage: StageSettings, training: TrainingSettings, seed: int, output_dir: Path
) -> GRPOConfig:
    """The paper's objective in TRL's terms, and a rhythm in which every optimizer step sees whole groups.

    Raises:
        ProfileError: The processes of the launcher cannot share a step's rollouts evenly.
    """
    rollouts, processes = stage.prompts_per_step * stage.generations, int(os.environ.get("WORLD_SIZE", "1"))
    if rollouts % (stage.micro_batch * processes):
        raise ProfileError(
            f"The {rollouts} rollouts of a step cannot be shared by {processes} processes in micro-batches of "
            f"{stage.micro_batch}. Choose micro_batch so that micro_batch x processes divides {rollouts}."
        )
    passes = rollouts // (stage.micro_batch * processes)
    on_cpu = model.device == "cpu"
    return GRPOConfig(
        output_dir=str(output_dir),
        # the paper's objective
        loss_type="grpo",
        beta=0.0,
        epsilon=stage.epsilon_low,
        epsilon_high=stage.epsilon_high,
        scale_rewards="group",
        importance_sampling_level="token",
        num_generations=stage.generations,
        temperature=stage.temperature,
        max_completion_length=stage.max_completion_tokens,
        # rhythm: one rollout batch, then updates_per_batch optimizer steps, each over all of it
        per_device_train_batch_size=stage.micro_batch,
        gradient_accumulation_steps=passes,
        steps_per_generation=passes,
        num_iterations=stage.updates_per_batch,
        max_steps=stage.steps,
        learning_rate=stage.learning_rate,
        shuffle_dataset=False,
        # reproducible checkpoints: TRL's rollout buffer is not in them, so they lie between rollout batches
        save_strategy="steps",
        save_steps=whole_batches(stage.checkpoint_steps, stage.updates_per_batch),
        save_total_limit=1,
        seed=seed,
        data_seed=seed,
        # machine
        use_cpu=on_cpu,
        bf16=model.dtype == "bfloat16",
        fp16=model.dtype == "float16",
        activation_checkpointing=not on_cpu,
        dataloader_pin_memory=not on_cpu,
        # reports
        logging_steps=1,
        disable_tqdm=True,
        report_to=[],
    )


def whole_batches(steps: int, updates_per_batch: int) -> int:
    """``steps`` rounded up to a multiple of ``updates_per_batch``."""
    return -(-steps // updates_per_batch) * updates_per_batch


def make_trainer(
    model: ModelSettings,
    rows: Any,
    stage: StageSettings,
    training: TrainingSettings,
    reward: SentenceReward,
    seed: int,
    output_dir: Path,
    callbacks: Sequence[TrainerCallback] = (),
) -> ViperTrainer:
    """A trainer that is ready for ``train()``.

    Args:
        model: Where the weights to start from lie; ``path`` is a whole model, never an adapter.
        rows: A ``datasets.Dataset``, or another sequence of mappings: ``prompt`` (text, or messages with text),
            ``images`` (PIL images, in the order of the prompt), ``truth`` (sentences).
        stage: The stage's settings.
        training: Method, adapters.
        reward: Scores the rollouts.
        seed: Of the order of prompts, the adapters' first weights and the rollouts.
        output_dir: Folder for checkpoints.
        callbacks: Such as ``models.grpo_reports.Reports``.

    Raises:
        ModelError: The model cannot be loaded.
        ProfileError: See ``make_config``.
    """
    # Before the model is loaded: the config chooses this process's GPU.
    config = make_config(model, stage, training, seed, output_dir)
    full = training.method == "full"
    vlm = load_vlm(model.model_copy(update={"dtype": "float32"}) if full else model)
    if full:
        vlm.model.requires_grad_(False)
        vlm.model.get_decoder().requires_grad_(True)
        vlm.model.get_output_embeddings().requires_grad_(True)
    batches = -(-stage.steps // stage.updates_per_batch)
    lora = training.lora
    adapters = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=lora.target_modules)
    return ViperTrainer(
        rows=rows,
        order=draw_order(len(rows), batches * stage.prompts_per_step, seed),
        reward=reward,
        warmup_steps=stage.warmup_steps,
        shared_prefix=training.shared_prefix,
        model=vlm.model,
        processing_class=vlm.processor,
        args=config,
        peft_config=None if full else adapters,
        callbacks=list(callbacks),
    )


def save_merged(trainer: ViperTrainer, dtype: str, folder: Path) -> Path:
    """Write the trained model as a folder that ``models.vlm.load_vlm`` reads, adapters merged into the weights."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if not isinstance(model, PreTrainedModel):
        model = model.merge_and_unload()
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    trainer.processing_class.save_pretrained(folder)
    return folder
