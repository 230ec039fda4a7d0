"""Supervised fine-tuning on the ground-truth sentences: the baseline that reinforcement is compared with.

TRL's ``SFTTrainer`` on the rows of a dataset version, with loss on the answer alone, one long epoch in an order drawn
from the seed, and the same adapters, rate and resume as ``models.grpo``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.utils.data import Sampler, SequentialSampler
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

from models.sentences import join_sentences
from models.trainable import Adaptation, ResumableTrainer, draw_order, load_trainable, micro_batches
from viper.settings import SftStage, VlmSettings


class ViperSftTrainer(ResumableTrainer, SFTTrainer):
    """TRL's trainer on rows in the order in which they are given."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return SequentialSampler(train_dataset if train_dataset is not None else self.train_dataset)


def as_examples(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Rows as TRL wants them: ``prompt`` and ``completion`` as messages, ``images``."""
    return {
        "prompt": [[{"role": "user", "content": prompt}] for prompt in batch["prompt"]],
        "completion": [[{"role": "assistant", "content": join_sentences(truth)}] for truth in batch["truth"]],
        "images": batch["images"],
    }


def make_sft_trainer(
    model: VlmSettings,
    rows: Any,
    settings: SftStage,
    adaptation: Adaptation,
    seed: int,
    output_dir: Path,
    callbacks: Sequence[TrainerCallback] = (),
    adapter: str = "",
) -> ViperSftTrainer:
    """A trainer that is ready for ``train()``.

    Args:
        model: Where the weights to start from lie.
        rows: A ``datasets.Dataset`` with ``prompt`` (text), ``images`` (in the order of the prompt) and ``truth``
            (sentences, which joined are the answer).
        settings: Of supervised stages.
        adaptation: Which weights learn, and how.
        seed: Of the order of rows and the adapters' first weights.
        output_dir: Folder for checkpoints.
        callbacks: Such as ``models.grpo_reports.Reports``.
        adapter: Folder of the adapter to go on with; empty for none.

    Raises:
        ModelError: The model or the adapter cannot be loaded.
        ProfileError: See ``micro_batches``.
    """
    on_cpu = model.device == "cpu"
    config = SFTConfig(
        output_dir=str(output_dir),
        completion_only_loss=True,
        max_length=None,
        per_device_train_batch_size=settings.micro_batch,
        gradient_accumulation_steps=micro_batches(settings.rows_per_step, settings.micro_batch),
        max_steps=settings.steps,
        learning_rate=settings.learning_rate,
        save_strategy="steps",
        save_steps=settings.checkpoint_steps,
        save_total_limit=1,
        seed=seed,
        data_seed=seed,
        use_cpu=on_cpu,
        bf16=model.dtype == "bfloat16",
        fp16=model.dtype == "float16",
        activation_checkpointing=not on_cpu,
        dataloader_pin_memory=not on_cpu,
        logging_steps=1,
        disable_tqdm=True,
        report_to=[],
        remove_unused_columns=False,  # the rows become examples only when they are drawn
    )
    vlm, adapters = load_trainable(model, adaptation, adapter)
    order = draw_order(len(rows), settings.steps * settings.rows_per_step, seed)
    return ViperSftTrainer(
        warmup_steps=settings.warmup_steps,
        sharded=adaptation.sharded,
        train_dataset=rows.select(order).with_transform(as_examples),
        model=vlm.model,
        processing_class=vlm.processor,
        args=config,
        peft_config=adapters,
        callbacks=list(callbacks),
    )
