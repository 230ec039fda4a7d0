"""What is computed once for a rollout batch, because nothing that learns lies before it.

    pictures ──► tower ──► embeddings ──► frozen layers ──► layers that learn ──► head
                 └─ once ─┘               └─── once ───┘    └─ in every update ──────┘

A frozen tower makes the same features in each pass over a rollout batch: when answers are sampled and in each update.
So do the layers below the lowest one that learns, and what they make of a token is what sampling met anyway: an update
begins where learning begins (``Trunk``). Both are exact; only sums are rounded in another order.

Shape suffixes: N prompts or packed groups, P prompt tokens, B rollouts, C answer tokens, L packed tokens, D width.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from models.families.family import Family


def learns(module: nn.Module) -> bool:
    """Whether any weight of a module learns."""
    return any(weight.requires_grad for weight in module.parameters())


def tower_learns(model: Any, family: Family) -> bool:
    """Whether any weight learns of what turns pictures into features."""
    return any(learns(model.get_submodule(name)) for name in family.vision)


def trunk_depth(model: Any, family: Family) -> int:
    """How many of the lowest layers are frozen, with all that lies before them; 0 if there is no trunk to share.

    Args:
        model: Of a family that can share prefixes, with or without adapters in it, not wrapped.
        family: Of the model.
    """
    text = model.model.language_model
    kinds = getattr(text.config, "layer_types", None) or ()  # masks go by the layer's place
    if learns(text.embed_tokens) or tower_learns(model, family) or len(set(kinds)) > 1:
        return 0
    depth = next((number for number, layer in enumerate(text.layers) if learns(layer)), len(text.layers) - 1)
    # Qwen3-VL adds features of the tower behind its first layers, too: they must lie in the trunk.
    return depth if depth >= len(getattr(model.config.vision_config, "deepstack_visual_indexes", ())) else 0


@dataclass(frozen=True)
class Features:
    """What the tower made of the pictures of one prompt."""

    pictures: Sequence[Tensor]
    """(tokens, D) of each picture."""
    deeper: Sequence[Sequence[Tensor]]
    """The same from inside the tower, by depth, where the model wants it there, too (Qwen3-VL)."""


@torch.no_grad()
def look(model: Any, inputs: Mapping[str, Tensor], counts: Sequence[int]) -> list[Features]:
    """The features of prompts' pictures.

    Args:
        model: As for ``trunk_depth``, its tower frozen.
        inputs: ``pixel_values`` and ``image_grid_thw`` of all pictures, in order.
        counts: Number of pictures of each prompt.
    """
    made = model.model.get_image_features(inputs["pixel_values"], inputs["image_grid_thw"], return_dict=True)
    deeper = getattr(made, "deepstack_features", None) or ()
    found, start = [], 0
    for count in counts:
        own = slice(start, start + count)
        found.append(Features(made.pooler_output[own], [depth[own] for depth in deeper]))
        start += count
    return found


def shown(features: Sequence[Features]) -> dict[str, Any]:
    """The argument by which a model takes features in place of the pictures of a batch of prompts."""
    depths = zip(*(one.deeper for one in features), strict=True)
    output = SimpleNamespace(
        pooler_output=[picture for one in features for picture in one.pictures],
        deepstack_features=[[picture for prompt in depth for picture in prompt] for depth in depths],
    )
    return {"mm_encoder_outputs": {"image": output}}


@contextmanager
def recorded(model: Any, depth: int) -> Iterator[list[Tensor]]:
    """Within the context, what every pass hands to layer ``depth`` is appended to the list; nothing if that is 0."""
    met: list[Tensor] = []
    if not depth:
        yield met
        return
    layer = model.model.language_model.layers[depth]
    hook = layer.register_forward_pre_hook(lambda _, given: met.append(given[0].detach()))
    try:
        yield met
    finally:
        hook.remove()


@contextmanager
def beginning_at(model: Any, depth: int) -> Iterator[None]:
    """Within the context, the model takes what ``recorded`` met as ``inputs_embeds`` and goes on from there."""
    text = model.model.language_model
    layers = text.layers
    text.layers = layers[depth:]
    try:
        yield
    finally:
        text.layers = layers


@dataclass(frozen=True)
class Trunk:
    """What the frozen layers made of a rollout batch."""

    depth: int
    """How many layers they are."""
    prompts: Sequence[Tensor]
    """(P, D) of each prompt, without padding."""
    answers_BCD: Tensor
    """Of each answer's tokens but the last, which no later token sees; anything behind them."""

    def packed(self, rows: Sequence[Sequence[tuple[int, int, int]]], prompts: Sequence[int], length: int) -> Tensor:
        """The states (N, L, D) of packed groups, as ``models.shared_prefix.pack`` lays them out.

        Args:
            rows: For each group its members: number of the rollout, first token in the sequence, number of tokens.
            prompts: Number of each group's prompt.
            length: L.
        """
        states_NLD = self.answers_BCD.new_zeros(len(rows), length, self.answers_BCD.shape[-1])
        for own_LD, members, number in zip(states_NLD, rows, prompts, strict=True):
            prompt_PD = self.prompts[number]
            own_LD[: len(prompt_PD) - 1] = prompt_PD[:-1]
            for rollout, first, count in members:
                own_LD[first - 1] = prompt_PD[-1]
                own_LD[first : first + count - 1] = self.answers_BCD[rollout, : count - 1]
        return states_NLD
