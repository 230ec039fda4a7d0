"""The GRPO trainer with ``models.shared_prefix`` in it: where groups are made, and where they are used.

How it departs from its base, if ``shared_prefix`` is on:
    - a prompt is read once a group when rollouts are sampled, and once a group when they are scored
    - rollouts without advantage are left out of the update: without a KL term they have no gradient
    - the rollouts of a group stay side by side in micro-batches, to have a prompt to share (TRL shuffles them)
The figure ``entropy`` is then that of the rollouts with an advantage.
"""

from itertools import groupby
from typing import Any

import torch
from peft import PeftModel
from torch.nn.functional import pad as pad_left
from trl.models.utils import unwrap_model_for_generation
from trl.trainer.utils import pad, split_pixel_values_by_grid, split_tensor_dict, unsplit_pixel_values_by_grid

from models.family_trainer import FamilyTrainer, batches_of, counts_of
from models.shared_prefix import branch_mask, pack, prompt_positions, sample_groups, unpack

NO_ADVANTAGE = 1e-3
"""An advantage below this is rounding: the rewards of its group are equal."""


class SharedPrefixTrainer(FamilyTrainer):
    """A trainer whose subclass names the group of each row before rollouts are generated."""

    groups: list[int]
    """The group of each rollout that is being generated or scored; those of a group are neighbors."""
    _buffered_inputs: list[dict[str, Any]] | None

    def __init__(self, shared_prefix: bool, **kwargs: Any) -> None:
        self._shared_prefix = shared_prefix
        self._silent: torch.Tensor | None = None
        self._old: torch.Tensor | None = None
        self.groups = []
        super().__init__(**kwargs)

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        if not self._shared_prefix:
            return super()._prepare_inputs(generation_batch)
        every = self.args.steps_per_generation * self.num_iterations
        if self._step % every == 0 or self._buffered_inputs is None:
            scored = self._generate_and_score_completions(generation_batch)
            scored["group"] = torch.tensor(self.groups, device=scored["advantages"].device)
            batch = split_pixel_values_by_grid(scored)
            parts = split_tensor_dict(batch, self.args.steps_per_generation)
            self._buffered_inputs = [unsplit_pixel_values_by_grid(part) for part in parts]
        return self._buffered_inputs[self._step % self.args.steps_per_generation]

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], images: Any, multimodal_fields: dict[str, Any], *args: Any, **kwargs: Any
    ) -> tuple[list[list[int]], None]:
        if not self._shared_prefix:
            found: tuple[list[list[int]], None] = super()._generate_single_turn(
                prompt_ids, images, multimodal_fields, *args, **kwargs
            )
            return found
        spans = [(row, len(list(same))) for row, same in groupby(self.groups)]
        firsts = [sum(count for _, count in spans[:number]) for number in range(len(spans))]
        ids = [torch.tensor(prompt_ids[first]) for first in firsts]
        ids_NP = pad(ids, padding_value=self._tokenizer.pad_token_id, padding_side="left")
        mask_NP = pad([torch.ones_like(one) for one in ids], padding_value=0, padding_side="left")
        counts, prompts = counts_of(images, len(prompt_ids)), []
        for some in batches_of(len(firsts), self.args.per_device_train_batch_size):
            shown = self.pictures_of(multimodal_fields, counts, [firsts[number] for number in some])
            prompts.append({"input_ids": ids_NP[some], "attention_mask": mask_NP[some], **shown})
        device = self.accelerator.device
        with unwrap_model_for_generation(self.model_wrapped, self.accelerator) as model:
            whole = model.get_base_model() if isinstance(model, PeftModel) else model
            answers = sample_groups(
                whole,
                [{name: tensor.to(device) for name, tensor in batch.items()} for batch in prompts],
                [count for _, count in spans],
                self.max_completion_length,
                self.temperature,
                list(self.eos_token_ids),
            )
        return answers, None

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        if not self._shared_prefix:
            plain: torch.Tensor = super()._compute_loss(model, inputs)
            return plain
        self.groups = inputs["group"].tolist()
        self._silent = inputs["advantages"].abs() < NO_ADVANTAGE
        self._old = inputs.get("old_per_token_logps")
        try:
            loss: torch.Tensor = super()._compute_loss(model, inputs)
        finally:
            self._silent = self._old = None
        return loss

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, logits_to_keep: int, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None, Any]:
        if not self._shared_prefix:
            return super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, **kwargs
            )
        kept = [row for row in range(len(input_ids)) if self._silent is None or not self._silent[row]]
        if not kept:  # a step without any signal still runs, so that every process takes part in it
            kept = [0]
        size = kwargs.pop("batch_size", None) or len(kept)
        parts = [
            self._score_packed(model, input_ids, attention_mask, logits_to_keep, kept[start : start + size], **kwargs)
            for start in range(0, len(kept), size)
        ]
        logps, entropies = (
            torch.stack(values).sum(0) if len(values) > 1 else values[0] for values in zip(*parts, strict=True)
        )
        others = torch.ones(len(input_ids), dtype=torch.bool, device=logps.device)
        others[kept] = False
        if self._old is not None:
            logps = torch.where(others[:, None], self._old, logps)
        tokens = attention_mask[kept, -logits_to_keep:].sum()
        entropies = torch.where(others[:, None], (entropies[kept].sum() / tokens).detach(), entropies)
        return logps, entropies, None

    def _score_packed(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        columns: int,
        kept: list[int],
        *,
        num_images: list[int],
        **fields: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities and entropies of the answers' tokens of the rows ``kept``, 0 elsewhere."""
        prompts, answers = input_ids[kept, :-columns], input_ids[kept, -columns:]
        seen, said = attention_mask[kept, :-columns], attention_mask[kept, -columns:]
        whole = self.accelerator.unwrap_model(model)
        whole = whole.get_base_model() if isinstance(whole, PeftModel) else whole
        own = self.pictures_of(fields, num_images, kept)
        positions = prompt_positions(whole, prompts, seen, own["image_grid_thw"])
        lists = [row[mask.bool()].tolist() for row, mask in zip(answers, said, strict=True)]
        packed = pack(prompts, seen, positions, lists, [self.groups[row] for row in kept])
        shared = self.pictures_of(fields, num_images, [kept[first] for first in packed.firsts])
        with self.accelerator.autocast():
            outputs = model(
                input_ids=packed.ids_NL,
                attention_mask=branch_mask(packed.branches_NL, whole.dtype),
                position_ids=packed.positions_3NL,
                labels=packed.labels_NL,
                fused_lm_head=True,
                **shared,
            )
        size = len(input_ids), columns
        # What the fused head says of a token stands one place before it.
        logps, entropies = (pad_left(values, (1, 0)) for values in (outputs.log_probs, outputs.entropy))
        return unpack(logps, packed, kept, size), unpack(entropies, packed, kept, size)
