"""TRL's GRPO trainer for models of any family: how prompts with pictures are read, and which inputs are whose.

How it departs from TRL's trainer:
    - prompts are read as synthesis and benchmarks read them, and image tokens must equal image features
    - rollouts are sampled ``per_device_train_batch_size`` at a time, so that the memory of a rollout batch is bounded
    - the family says which inputs belong to which rollout when a batch is divided
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from trl import GRPOTrainer

from models.families.family import Family
from models.families.prompts import read_prompts

PER_TOKEN = ("token_type_ids", "mm_token_type_ids")
"""Inputs with one number a token."""


class FamilyTrainer(GRPOTrainer):
    """A trainer of a model of one family."""

    def __init__(self, family: Family, **kwargs: Any) -> None:
        self.family = family
        super().__init__(**kwargs)

    def _tokenize_prompts(self, prompts: list[Any]) -> tuple[list[list[int]], Any, dict[str, Any]]:
        processor = self.processing_class
        texts = [processor.apply_chat_template(messages, add_generation_prompt=True) for messages in prompts]
        parts = [[part for message in messages for part in message["content"]] for messages in prompts]
        shown = [[part["image"] for part in of_prompt if part["type"] == "image"] for of_prompt in parts]
        fields = dict(read_prompts(self.family, processor, self.model.config, texts, shown))
        ids, seen = fields.pop("input_ids"), fields.pop("attention_mask").bool()
        if (crops := self.family.crops(shown, processor)) is not None:
            fields["num_tiles"] = crops
        return [row[mask].tolist() for row, mask in zip(ids, seen, strict=True)], shown if any(shown) else None, fields

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], images: Any, multimodal_fields: dict[str, Any], *args: Any, **kwargs: Any
    ) -> tuple[list[list[int]], list[list[float]] | None]:
        counts = counts_of(images, len(prompt_ids))
        answers: list[list[int]] = []
        for rows in batches_of(len(prompt_ids), self.args.per_device_train_batch_size):
            ids = [prompt_ids[row] for row in rows]
            fields = self.pictures_of(multimodal_fields, counts, rows)
            longest = max(map(len, ids))
            per_token = [name for name in PER_TOKEN if name in multimodal_fields]
            fields |= {name: multimodal_fields[name][rows, -longest:] for name in per_token}
            said, _ = super()._generate_single_turn(ids, None, fields, *args, **kwargs)
            answers += said
        return answers, None

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, Any]:
        fields = {name: value for name, value in kwargs.items() if value is not None}
        wanted = {name: fields.pop(name, False) for name in ("compute_entropy", "compute_aux_loss")}
        counts, size = fields.pop("num_images", [0] * len(input_ids)), fields.pop("batch_size", len(input_ids))
        parts = []
        for rows in batches_of(len(input_ids), size):
            shown = self.pictures_of(fields, counts, rows)
            per_token = {name: fields[name][rows] for name in PER_TOKEN if name in fields}
            # TRL hands a model the inputs of pictures by names that it knows; bound to the model, all arrive.
            found = super()._get_per_token_logps_and_entropies(
                partial(model, **shown),
                input_ids[rows],
                attention_mask[rows],
                logits_to_keep,
                **wanted,
                **per_token,
            )
            parts.append(found)
        logps, entropies, losses = zip(*parts, strict=True)
        entropy = torch.cat(entropies) if wanted["compute_entropy"] else None
        return torch.cat(logps), entropy, torch.stack(losses).mean() if losses[0] is not None else None

    def pictures_of(self, fields: dict[str, Any], counts: Sequence[int], rows: Sequence[int]) -> dict[str, Any]:
        """The inputs of the pictures of some rows; empty where they have none."""
        return self.family.pictures_of(fields, counts, rows) if any(counts[row] for row in rows) else {}


def counts_of(images: Sequence[Sequence[Any]] | None, rows: int) -> list[int]:
    """Number of pictures of each row."""
    return [0] * rows if images is None else list(map(len, images))


def batches_of(rows: int, size: int) -> list[list[int]]:
    """Row numbers in batches of ``size``."""
    return [list(range(start, min(start + size, rows))) for start in range(0, rows, size)]
