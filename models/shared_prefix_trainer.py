"""The GRPO trainer with ``models.shared_prefix`` in it: where groups are made, and where they are used.

How it departs from its base, if ``shared_prefix`` is on:
    - a prompt is read once a group when rollouts are sampled, and once a group when they are scored
    - what nothing learns in is computed once a rollout batch: the tower, and the layers below the lowest that learns
    - no pass is made for the old log-probabilities: those of the first update on a rollout batch are the old ones
    - rollouts without advantage are left out of the update: without a KL term they have no gradient
    - the rollouts of a group stay side by side in micro-batches, to have a prompt to share (TRL shuffles them)
The figure ``entropy`` is then that of the rollouts with an advantage.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from torch.nn.functional import pad as pad_left
from trl.data_utils import prepare_multimodal_messages
from trl.models.utils import unwrap_model_for_generation
from trl.trainer.utils import pad, split_tensor_dict

from models.endpoints.rollouts import RolloutServers
from models.family_trainer import FamilyTrainer, batches_of, counts_of
from models.group_sampling import Sampled, by_draws, sample_groups
from models.prompt_reader import Prompt
from models.read_once import Features, beginning_at, look, shown, tower_learns, trunk_depth
from models.served import Sampling
from models.sharding import gathered
from models.shared_prefix import Packed, branch_mask, pack, prompt_positions, unpack

NO_ADVANTAGE = 1e-3
"""An advantage below this is rounding: the rewards of its group are equal."""


class SharedPrefixTrainer(FamilyTrainer):
    """A trainer whose subclass names the group of each row before rollouts are generated."""

    groups: list[int]
    """The group of each rollout that is being generated, as its place in the training; those of one are neighbors."""
    _buffered_inputs: list[dict[str, Any]] | None
    _asked: "_Prompts"
    """Of the rollout batch."""
    _sampled: Sampled
    """Of the rollout batch."""
    _given: dict[str, Any]
    """The micro-batch that is being scored, as TRL sees it."""

    def __init__(self, shared_prefix: bool, servers: RolloutServers | None = None, **kwargs: Any) -> None:
        self._shared_prefix, self._servers = shared_prefix, servers
        self._scored: dict[str, Any] | None = None
        self.groups = []
        super().__init__(**kwargs)

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        if not self._shared_prefix:
            return super()._prepare_inputs(generation_batch)
        every = self.args.steps_per_generation * self.num_iterations
        if self._step % every == 0 or self._buffered_inputs is None:
            batch = self._generate_and_score_completions(generation_batch)
            self._buffered_inputs = split_tensor_dict(batch, self.args.steps_per_generation)
        return self._buffered_inputs[self._step % self.args.steps_per_generation]

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        if not self._shared_prefix:
            plain: dict[str, Any] = super()._generate_and_score_completions(inputs)
            return plain
        # TRL sees texts alone: it would hand the pictures of a group on once a rollout, in each pass.
        self._asked = _Prompts(inputs, [len(list(same)) for _, same in groupby(self.groups)])
        texts = [{name: given for name, given in one.items() if name != "images"} for one in inputs]
        batch: dict[str, Any] = super()._generate_and_score_completions(texts)
        device = batch["advantages"].device
        batch["rollout"] = torch.arange(len(inputs), device=device)
        batch["prompt"] = torch.tensor(self._asked.expanded(range(len(self._asked.sizes))), device=device)
        return batch

    def _tokenize_prompts(self, prompts: list[Any]) -> tuple[list[list[int]], Any, dict[str, Any]]:
        if not self._shared_prefix:
            return super()._tokenize_prompts(prompts)
        asked = self._asked
        ids, images, fields = super()._tokenize_prompts(asked.messages)
        asked.counts, asked.fields = counts_of(images, len(ids)), fields
        return asked.expanded(ids), None, {}

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], images: Any, multimodal_fields: dict[str, Any], *args: Any, **kwargs: Any
    ) -> tuple[list[list[int]], list[list[float]] | None]:
        if not self._shared_prefix:
            return super()._generate_single_turn(prompt_ids, images, multimodal_fields, *args, **kwargs)
        ids = [torch.tensor(prompt_ids[first]) for first in self._asked.firsts]
        ids_NP = pad(ids, padding_value=self._tokenizer.pad_token_id, padding_side="left")
        mask_NP = pad([torch.ones_like(one) for one in ids], padding_value=0, padding_side="left")
        with unwrap_model_for_generation(self.model_wrapped, self.accelerator) as model, gathered(model):
            whole = _without_adapters(model)
            prompts = []
            for some in batches_of(len(ids), self.args.per_device_train_batch_size):
                own = self._on_device(self.pictures_of(self._asked.fields, self._asked.counts, some))
                if own and not tower_learns(whole, self.family):
                    features = look(whole, own, [self._asked.counts[prompt] for prompt in some])
                    self._asked.features += features
                    own = {"image_grid_thw": own["image_grid_thw"]} | shown(features)
                prompts.append(self._on_device({"input_ids": ids_NP[some], "attention_mask": mask_NP[some]}) | own)
            if self._servers is not None:
                return self._ask(self._servers, model, prompts, [prompt_ids[first] for first in self._asked.firsts])
            self._sampled = sample_groups(
                whole,
                prompts,
                self._asked.sizes,
                self.max_completion_length,
                self.temperature,
                by_draws(self._draws()),
                list(self.eos_token_ids),
                trunk_depth(whole, self.family),
            )
        return self._sampled.answers, None

    def _draws(self) -> torch.Tensor:
        """What decides the tokens of each rollout (B, T), by its number in the training and not by its process."""
        before = self.accelerator.process_index * len(self.groups)
        names = [(place, (before + row) % self.num_generations) for row, place in enumerate(self.groups)]
        draws = [
            np.random.default_rng((self.args.seed, *name)).random(self.max_completion_length, np.float32)
            for name in names
        ]
        return torch.from_numpy(np.stack(draws))

    def _ask(
        self, servers: RolloutServers, model: Any, prompts: list[dict[str, Any]], ids: list[list[int]]
    ) -> tuple[list[list[int]], list[list[float]]]:
        """The rollouts of servers with the adapter of this step, which every process loads: its name is its content."""
        servers.load(model)
        whole = _without_adapters(model)
        # From the generator that checkpoints hold.
        seeds = torch.randint(2**31, (len(ids),)).tolist()
        pictures = (whole.config.image_token_id, whole.config.video_token_id)
        sampling = [Sampling(self.max_completion_length, self.temperature, seed, pictures) for seed in seeds]
        answers, logps = servers.sample(self._asked.prompts(), ids, self._asked.sizes, sampling)
        positions = [
            prompt_positions(whole, one["input_ids"], one["attention_mask"], one.get("image_grid_thw"))
            for one in prompts
        ]
        self._sampled = Sampled(answers, torch.cat(positions, 1), None)
        return answers, logps

    def _on_device(self, inputs: dict[str, torch.Tensor]) -> dict[str, Any]:
        return {name: tensor.to(self.accelerator.device) for name, tensor in inputs.items()}

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        if not self._shared_prefix:
            plain: torch.Tensor = super()._compute_loss(model, inputs)
            return plain
        self._scored, self._given = inputs, dict(inputs)
        try:
            loss: torch.Tensor = super()._compute_loss(model, self._given)
        finally:
            self._scored = None
        return loss

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, logits_to_keep: int, **kwargs: Any
    ) -> tuple[Any, Any, Any]:
        if not self._shared_prefix:
            return super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, **kwargs
            )
        if (batch := self._scored) is None:  # TRL asks for the old ones before the first update
            return None, None, None
        silent = (batch["advantages"].abs() < NO_ADVANTAGE).tolist()
        # A step without any signal still runs, so that every process takes part in it.
        kept = [row for row, quiet in enumerate(silent) if not quiet] or [0]
        prompts, answers = input_ids[kept].tensor_split([-logits_to_keep], 1)
        seen, said = attention_mask[kept].tensor_split([-logits_to_keep], 1)
        lists = [row[mask.bool()].tolist() for row, mask in zip(answers, said, strict=True)]
        of_row = batch["prompt"][kept]
        packed = pack(prompts, seen, self._sampled.positions_3NP[:, of_row], lists, of_row.tolist())
        size = len(input_ids), logits_to_keep
        logps, entropies = (unpack(values, packed, kept, size) for values in self._score_packed(model, packed, kept))
        others = torch.ones(len(input_ids), dtype=torch.bool, device=logps.device)
        others[kept] = False
        old = self._given["old_per_token_logps"] = batch.setdefault("old_per_token_logps", logps.detach())
        if self._servers is not None:
            told = batch["sampling_per_token_logps"][kept]
            weights = torch.zeros_like(old)  # those of rollouts without advantage do not matter
            weights[kept] = self._servers.weights(old[kept], told, said, self._metrics["train"])
            self._given["advantages"] = batch["advantages"][:, None] * weights
        logps = torch.where(others[:, None], old, logps)
        entropies = torch.where(others[:, None], (entropies.sum() / said.sum()).detach(), entropies)
        return logps, entropies, None

    def _score_packed(self, model: Any, packed: Packed, kept: list[int]) -> list[torch.Tensor]:
        """Log-probabilities and entropies (N, L) of the packed tokens."""
        batch, whole = self._scored or {}, _without_adapters(self.accelerator.unwrap_model(model))
        firsts = [kept[first] for first in packed.firsts]
        prompts = batch["prompt"][firsts].tolist()
        inputs: dict[str, Any] = {"input_ids": packed.ids_NL}
        depth = 0
        if trunk := self._sampled.trunk:
            depth, rollouts = trunk.depth, batch["rollout"].tolist()
            rows = [[(rollouts[kept[row]], first, count) for row, first, count in own] for own in packed.rows]
            inputs = {"inputs_embeds": trunk.packed(rows, prompts, packed.ids_NL.shape[1])}
        elif self._asked.features:
            inputs |= shown([self._asked.features[prompt] for prompt in prompts])
        else:
            inputs |= self._on_device(self.pictures_of(self._asked.fields, self._asked.counts, prompts))
        with self.accelerator.autocast(), beginning_at(whole, depth):
            outputs = model(
                **inputs,
                attention_mask=branch_mask(packed.branches_NL, whole.dtype),
                position_ids=packed.positions_3NL,
                labels=packed.labels_NL,
                fused_lm_head=True,
            )
        # What the fused head says of a token stands one place before it.
        return [pad_left(values, (1, 0)) for values in (outputs.log_probs, outputs.entropy)]


def _without_adapters(model: Any) -> Any:
    """The model itself, in whose layers the adapters lie."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


class _Prompts:
    """The prompts of a rollout batch, each once.

    Args:
        rows: Of each rollout; those of a prompt are neighbors.
        sizes: Rollouts of each prompt.
    """

    def __init__(self, rows: list[dict[str, Any]], sizes: list[int]) -> None:
        self.sizes = sizes
        self.firsts = [sum(sizes[:number]) for number in range(len(sizes))]
        """The first rollout of each prompt."""
        self.messages = [
            prepare_multimodal_messages(rows[first]["prompt"], images=rows[first]["images"]) for first in self.firsts
        ]
        self.counts: list[int] = []
        """Pictures of each prompt."""
        self.fields: dict[str, Any] = {}
        """What the processor made of them."""
        self.features: list[Features] = []
        """What the tower made of them, where it does not learn."""

    def prompts(self) -> list[Prompt]:
        """As servers are asked."""
        parts = [[part for message in messages for part in message["content"]] for messages in self.messages]
        return [
            Prompt(
                "".join(part["text"] for part in of_prompt if part["type"] == "text"),
                tuple(part["image"] for part in of_prompt if part["type"] == "image"),
            )
            for of_prompt in parts
        ]

    def expanded(self, of_prompt: Iterable[Any]) -> list[Any]:
        """What is said of each prompt, for each rollout."""
        return [one for one, size in zip(of_prompt, self.sizes, strict=True) for _ in range(size)]
