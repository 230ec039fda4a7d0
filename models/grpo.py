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
    - what ``models.family_trainer`` lists

Methods: ``lora`` trains one adapter, on which the next stage and the next round go on; ``full`` all weights of the
language model. Both learn in 32 bits and are kept so, since smaller formats lose small updates (``models.adapters``).
The vision tower is frozen in both unless ``training.vision_tower`` lets it learn.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig

from models.endpoints.rollouts import RolloutServers
from models.roles import Reward
from models.rollout_images import processed_once
from models.shared_prefix_trainer import SharedPrefixTrainer
from models.trainable import Adaptation, ResumableTrainer, draw_order, load_trainable, micro_batches
from viper.errors import ModelError
from viper.settings import GrpoStage, Rollouts, VlmSettings

log = logging.getLogger("viper")


class ViperTrainer(ResumableTrainer, SharedPrefixTrainer):
    """TRL's trainer on rows that are read, decoded and processed once a rollout batch."""

    def __init__(
        self,
        rows: Any,
        order: Sequence[int],
        reward: Reward,
        servers: RolloutServers | None = None,
        **kwargs: Any,
    ) -> None:
        self._rows, self._reward = rows, reward
        # The place of a prompt in the training decides the draws of its rollouts, whichever process samples them.
        numbers = Dataset.from_dict({"row": list(order), "place": list(range(len(order)))})
        super().__init__(servers=servers, reward_funcs=[self._score], train_dataset=numbers, **kwargs)

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """As ``Trainer.train``; servers give back what they hold for this training."""
        try:
            return super().train(*args, **kwargs)
        finally:
            if self._servers is not None:
                self._servers.close()

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
        self.groups = [example["place"] for example in inputs]
        with processed_once(self.processing_class.image_processor, self.family.nested):
            batch: dict[str, Any] = super()._generate_and_score_completions([rows[one["row"]] for one in inputs])
        return batch

    def _read(self, number: int) -> dict[str, Any]:
        row = self._rows[number]
        prompt = row["prompt"]
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        return {"prompt": messages, "images": list(row["images"]), "truth": list(row["truth"])}


def make_config(model: VlmSettings, stage: GrpoStage, seed: int, output_dir: Path) -> GRPOConfig:
    """The paper's objective in TRL's terms, and a rhythm in which every optimizer step sees whole groups.

    Raises:
        ProfileError: See ``micro_batches``.
    """
    passes = micro_batches(stage.prompts_per_step * stage.generations, stage.micro_batch)
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
    model: VlmSettings,
    rows: Any,
    stage: GrpoStage,
    adaptation: Adaptation,
    reward: Reward,
    seed: int,
    output_dir: Path,
    callbacks: Sequence[TrainerCallback] = (),
    adapter: str = "",
    rollouts: Rollouts | None = None,
) -> ViperTrainer:
    """A trainer that is ready for ``train()``.

    Args:
        model: Where the weights to start from lie.
        rows: A ``datasets.Dataset``, or another sequence of mappings: ``prompt`` (text, or messages with text),
            ``images`` (PIL images, in the order of the prompt), ``truth`` (sentences).
        stage: The stage's settings.
        adaptation: Which weights learn, and how.
        reward: Scores the rollouts.
        seed: Of the order of prompts, the adapters' first weights and the rollouts.
        output_dir: Folder for checkpoints.
        callbacks: Such as ``models.grpo_reports.Reports``.
        adapter: Folder of the adapter to go on with; empty for none.
        rollouts: Who samples; the trainer itself if ``None``.

    Raises:
        ModelError: The model or the adapter cannot be loaded, or servers have another model.
        ProfileError: See ``make_config``.
    """
    # Before the model is loaded: the config chooses this process's GPU.
    config = make_config(model, stage, seed, output_dir)
    vlm, adapters = load_trainable(model, adaptation, adapter)
    shared = adaptation.shared_prefix and vlm.family.shared_prefix
    way = "the prompt of a group is computed once" if shared else "every rollout computes its prompt (TRL's own way)"
    log.info("%s, %s: %s", stage.name, vlm.family.name, way)
    batches = -(-stage.steps // stage.updates_per_batch)
    return ViperTrainer(
        rows=rows,
        order=draw_order(len(rows), batches * stage.prompts_per_step, seed),
        reward=reward,
        warmup_steps=stage.warmup_steps,
        sharded=adaptation.sharded,
        shared_prefix=shared,
        servers=_servers_for(model, rollouts, shared, config),
        family=vlm.family,
        model=vlm.model,
        processing_class=vlm.processor,
        args=config,
        peft_config=adapters,
        callbacks=list(callbacks),
    )


def _servers_for(
    model: VlmSettings, rollouts: Rollouts | None, shared: bool, config: GRPOConfig
) -> RolloutServers | None:
    if rollouts is None or rollouts.engine != "endpoint":
        return None
    if not shared:
        raise ModelError(
            'training.rollouts.engine is "endpoint", which is there for families that share prefixes (Qwen\'s). Set it '
            'to "transformers".'
        )
    # A folder of each process: all write the same adapter, but not at the same moment.
    folder = Path(config.output_dir).with_name(f"step-adapter-{config.process_index}")
    return RolloutServers(model, rollouts, folder)
