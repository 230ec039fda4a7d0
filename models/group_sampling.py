"""Answers of a group are sampled side by side from one reading of their prompt.

    prompt → cache × G → G answers

An answer that has ended leaves the batch once half of it has ended, and the cache has room for the tokens to come, so
that a token costs what is new in it. Shape suffixes as in ``models.shared_prefix``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor
from transformers.cache_utils import DynamicLayer

from models.read_once import Trunk, recorded
from models.shared_prefix import prompt_positions

ROOM = 64
"""Tokens for which a cache makes room at a time."""


@dataclass(frozen=True)
class Sampled:
    """Answers, and what was met on the way to them."""

    answers: list[list[int]]
    """Token ids; each ends in one that ends an answer, unless it was cut off."""
    positions_3NP: Tensor
    """Rotary positions of the prompts."""
    trunk: Trunk | None
    """Of the frozen layers, where there are some."""


class RoomyLayer(DynamicLayer):
    """Keys and values of a layer with room behind them: a token is written there, and nothing else is copied."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self.keys, self.values = keys, values
        self._stores = [keys, values]

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Append the keys and values of new tokens."""
        start = self.keys.shape[-2]
        end = start + key_states.shape[-2]
        if end > self._stores[0].shape[-2]:
            room = [0, 0, 0, end - start + ROOM]
            self._stores = [torch.nn.functional.pad(one, room) for one in (self.keys, self.values)]
        for store, new in zip(self._stores, (key_states, value_states), strict=True):
            store[:, :, start:end] = new
        self.keys, self.values = (store[:, :, :end] for store in self._stores)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep or repeat rows of the batch."""
        self._stores = [one[indices] for one in (self.keys, self.values)]
        self.keys, self.values = self._stores


def gumbel_noise(scores: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Gumbel noise, a row from each generator: the argmax of scores with it is a draw from softmax(scores)."""
    rows = [torch.rand(scores.shape[-1], generator=one, device=scores.device) for one in generators]
    return -torch.log(-torch.log(torch.stack(rows).clamp_(1e-20, 1 - 1e-7)))


def gumbel_sampler(temperature: float, seeds: Sequence[int], device: torch.device) -> LogitsProcessor:
    """Adds Gumbel noise to the logits: their argmax is then a draw from softmax(logits / temperature).

    Row i draws from a generator seeded with ``seeds[i]``, whatever the other rows are.
    """
    generators = [torch.Generator(device=device).manual_seed(seed) for seed in seeds]

    class GumbelNoise(LogitsProcessor):
        def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
            return scores.float() / temperature + gumbel_noise(scores, generators)

    return GumbelNoise()


Pick = Callable[[Tensor, Tensor, int], Tensor]
"""Draws a token (R, 1) from softmax(scores): given scores (R, V), the answers' numbers (R) and the token's place."""


def by_draws(draws_BT: Tensor) -> Pick:
    """Picks by numbers in [0, 1), as many an answer as it may have tokens: each falls into the share of one token.

    So an answer is the same, up to rounding, whatever is sampled beside it and in whichever process.
    """

    def pick(scores: Tensor, rows: Tensor, place: int) -> Tensor:
        up_to = torch.softmax(scores, -1).cumsum(-1)
        shares = draws_BT.to(scores.device)[rows, place, None] * up_to[:, -1:]
        return torch.searchsorted(up_to, shares, right=True).clamp(max=scores.shape[-1] - 1)

    return pick


def by_seeds(seeds: Sequence[int], device: torch.device) -> Pick:
    """Picks as ``gumbel_sampler`` does: answer i draws from a generator seeded with ``seeds[i]``."""
    generators = [torch.Generator(device=device).manual_seed(seed) for seed in seeds]

    def pick(scores: Tensor, rows: Tensor, place: int) -> Tensor:
        return (scores + gumbel_noise(scores, [generators[row] for row in rows.tolist()])).argmax(-1, keepdim=True)

    return pick


@torch.no_grad()
def sample_groups(
    model: Any,
    prompts: Sequence[dict[str, Any]],
    generations: list[int],
    max_new_tokens: int,
    temperature: float,
    pick: Pick,
    ends: list[int],
    depth: int = 0,
) -> Sampled:
    """Sampled answers to each prompt, the answers of a prompt side by side.

    Args:
        model: Of a family that can share prefixes, with or without adapters in it, not wrapped.
        prompts: Batches that are read one after the other, of N prompts together: ``input_ids`` and ``attention_mask``,
            padded left to one length P; ``image_grid_thw``, and ``pixel_values`` or what ``models.read_once.shown``
            gives.
        generations: Answers of each prompt (N), at least 1; their sum is B.
        max_new_tokens: Longest answer.
        temperature: Above 0.
        pick: Draws the tokens: ``by_draws`` or ``by_seeds``.
        ends: Token ids that end an answer.
        depth: Number of frozen layers whose outputs are wanted (``models.read_once.trunk_depth``).
    """
    with recorded(model, depth) as met:
        cache, logits, positions_3NP = _read(model, prompts)
        mask_NP = torch.cat([batch["attention_mask"] for batch in prompts])
        prompt_states = [states[seen.bool()] for states, seen in zip(_joined(met), mask_NP, strict=bool(met))]
        met.clear()
        prompt_of = torch.arange(len(mask_NP)).repeat_interleave(torch.tensor(generations)).to(mask_NP.device)
        for layer in cache.layers:
            layer.batch_select_indices(prompt_of)
        drawn, rows = _draw(
            model,
            cache,
            logits[prompt_of],
            mask_NP[prompt_of],
            positions_3NP[:, prompt_of, -1:],
            max_new_tokens,
            temperature,
            pick,
            torch.tensor(ends, device=mask_NP.device),
        )
        answers_BC = torch.full((len(prompt_of), len(drawn)), -1, device=mask_NP.device)
        for column, (tokens, own) in enumerate(zip(drawn, rows, strict=True)):
            answers_BC[own, column] = tokens
        trunk = None
        if depth:
            states_BCD = prompt_states[0].new_zeros(*answers_BC.shape, prompt_states[0].shape[-1])
            for column, (states, own) in enumerate(zip(met, rows[1:], strict=True)):
                states_BCD[own, column] = states[:, 0]
            trunk = Trunk(depth, prompt_states, states_BCD)
    return Sampled([[token for token in row if token >= 0] for row in answers_BC.tolist()], positions_3NP, trunk)


def _draw(
    model: Any,
    cache: Any,
    logits: Tensor,
    mask: Tensor,
    position: Tensor,
    max_new_tokens: int,
    temperature: float,
    pick: Pick,
    end_ids: Tensor,
) -> tuple[list[Tensor], list[Tensor]]:
    """The tokens of each pass (-1 behind an answer's end), and the numbers of the rows that were in it."""
    # An answer with a picture's token in it could not be scored: there is no picture behind the token.
    pictures = [model.config.image_token_id, model.config.video_token_id]
    rows = torch.arange(len(mask), device=mask.device)
    going = torch.ones_like(rows, dtype=torch.bool)
    drawn: list[Tensor] = []
    drawn_rows: list[Tensor] = []
    while True:
        scores = logits.float() / temperature
        scores[:, pictures] = -torch.inf
        tokens = pick(scores, rows, len(drawn))
        drawn.append(torch.where(going, tokens[:, 0], -1))
        drawn_rows.append(rows)
        going = going & ~torch.isin(tokens[:, 0], end_ids)
        left = int(going.sum())
        if len(drawn) == max_new_tokens or not left:
            return drawn, drawn_rows
        if 2 * left <= len(going):
            keep = going.nonzero()[:, 0]
            for layer in cache.layers:
                layer.batch_select_indices(keep)
            tokens, mask, position, rows, going = tokens[keep], mask[keep], position[:, keep], rows[keep], going[keep]
        position = position + 1
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
        logits = model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=position,
            past_key_values=cache,
            use_cache=True,
        ).logits[:, -1]


def _read(model: Any, prompts: Sequence[dict[str, Any]]) -> tuple[Any, Tensor, Tensor]:
    """The cache of all prompts, the logits (N, V) behind their last tokens, and their positions (3, N, P)."""
    caches, logits, positions = [], [], []
    for batch in prompts:
        grids = batch.get("image_grid_thw")
        positions.append(prompt_positions(model, batch["input_ids"], batch["attention_mask"], grids))
        out = model(**batch, position_ids=positions[-1], use_cache=True, logits_to_keep=1)
        caches.append(out.past_key_values)
        logits.append(out.logits[:, -1])
    whole = caches[0]
    for number in range(len(whole.layers)):
        same = [cache.layers[number] for cache in caches]
        whole.layers[number] = RoomyLayer(_joined([one.keys for one in same]), _joined([one.values for one in same]))
    return whole, torch.cat(logits), torch.cat(positions, 1)


def _joined(batches: Sequence[Tensor]) -> Any:
    """Batches as one, without a copy where there is one only."""
    return batches[0] if len(batches) == 1 else torch.cat(list(batches)) if batches else ()
