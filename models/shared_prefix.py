"""Rollouts and updates that compute a prompt once a group, not once a rollout.

All rollouts of a group share their prompt, and on pictures the prompt is most of the work: its image tokens outnumber a
short answer. So the prompt is read once and its cache repeated for the group (``sample_groups``), and the update runs
over one packed sequence a group (``pack``): the prompt, then every answer, each of which sees the prompt and itself.

    rollout:  prompt → cache × G → G answers
    update:   p0 p1 p2 │ p3 a0 a1 │ p3 b0 b1 b2 │ …      p3, the prompt's last token, opens every branch, because the
              prompt     branch 1   branch 2              answer's first token is predicted at it

Log-probabilities and gradients are those of the plain computation up to rounding (arXiv 2506.05433 proves it for text;
``tests/libraries/test_shared_prefix.py`` checks it for the multimodal positions of the Qwen families).

Shape suffixes: B rollouts, P prompt tokens (padded left), C answer tokens (padded right), N groups, L packed tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


def prompt_positions(model: Any, ids_BP: Tensor, mask_BP: Tensor, grids: Tensor | None) -> Tensor:
    """Rotary positions (3, B, P) of prompts with pictures: time, height and width, alike on text."""
    pictures = (ids_BP == model.config.image_token_id).int()
    positions: Tensor = model.model.get_rope_index(
        ids_BP, mm_token_type_ids=pictures, image_grid_thw=grids, attention_mask=mask_BP
    )[0]
    return positions


@torch.no_grad()
def sample_groups(
    model: Any,
    prompts: Sequence[dict[str, Tensor]],
    generations: list[int],
    max_new_tokens: int,
    temperature: float,
    ends: list[int],
) -> list[list[int]]:
    """Sampled answers to each prompt, the answers of a prompt side by side.

    Args:
        model: Of a family that can share prefixes, with or without adapters in it, not wrapped.
        prompts: Batches that are read one after the other, of N prompts together: ``input_ids`` and ``attention_mask``,
            padded left to one length P; ``pixel_values`` and ``image_grid_thw``.
        generations: Answers of each prompt (N), at least 1.
        max_new_tokens: Longest answer.
        temperature: Above 0. Draws come from torch's global generator, which checkpoints hold.
        ends: Token ids that end an answer.

    Returns:
        Lists of token ids, as many as the sum of ``generations``; each ends in one of ``ends`` unless it was cut off.
    """
    cache, logits, positions = _read(model, prompts)
    mask = torch.cat([batch["attention_mask"] for batch in prompts])
    prompt_of = torch.arange(len(mask)).repeat_interleave(torch.tensor(generations)).to(mask.device)
    cache.batch_select_indices(prompt_of)
    mask, logits, position = mask[prompt_of], logits[prompt_of], positions[:, prompt_of, -1:]
    end_ids = torch.tensor(ends, device=mask.device)
    # An answer with a picture's token in it could not be scored: there is no picture behind the token.
    pictures = [model.config.image_token_id, model.config.video_token_id]
    going = torch.ones(len(mask), dtype=torch.bool, device=mask.device)
    drawn: list[Tensor] = []
    while True:
        scores = logits.float() / temperature
        scores[:, pictures] = -torch.inf
        tokens = torch.multinomial(torch.softmax(scores, -1), 1)
        drawn.append(torch.where(going[:, None], tokens, -1))
        going = going & ~torch.isin(tokens[:, 0], end_ids)
        if len(drawn) == max_new_tokens or not going.any():
            break
        position = position + 1
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
        out = model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=position,
            past_key_values=cache,
            use_cache=True,
        )
        logits = out.logits[:, -1]
    return [[token for token in row if token >= 0] for row in torch.cat(drawn, 1).tolist()]


def _read(model: Any, prompts: Sequence[dict[str, Tensor]]) -> tuple[Any, Tensor, Tensor]:
    """The cache of all prompts, the logits (N, V) behind their last tokens, and their positions (3, N, P)."""
    caches, logits, positions = [], [], []
    for batch in prompts:
        grids = batch.get("image_grid_thw")
        positions.append(prompt_positions(model, batch["input_ids"], batch["attention_mask"], grids))
        out = model(**batch, position_ids=positions[-1], use_cache=True, logits_to_keep=1)
        caches.append(out.past_key_values)
        logits.append(out.logits[:, -1])
    whole, others = caches[0], caches[1:]
    if others:
        for number, layer in enumerate(whole.layers):
            layer.keys = torch.cat([layer.keys, *(cache.layers[number].keys for cache in others)])
            layer.values = torch.cat([layer.values, *(cache.layers[number].values for cache in others)])
    return whole, torch.cat(logits), torch.cat(positions, 1)


@dataclass(frozen=True)
class Packed:
    """One sequence a group, padded right."""

    ids_NL: Tensor
    labels_NL: Tensor
    """The answers' tokens; -100 on the prompt, on the tokens that open branches, and on padding."""
    positions_3NL: Tensor
    branches_NL: Tensor
    """0 for the prompt, 1… for its answers, -1 for padding."""
    firsts: list[int]
    """For each group a row of it, whose pictures are the group's."""
    rows: list[list[tuple[int, int, int]]]
    """For each group its members: row of the batch, first token in the sequence, number of tokens."""


def pack(ids_BP: Tensor, mask_BP: Tensor, positions_3BP: Tensor, answers: list[list[int]], groups: list[int]) -> Packed:
    """Packed sequences of the rollouts, one for each group, in order of first appearance.

    Args:
        ids_BP: Prompts, padded left; rows of one group are alike.
        mask_BP: 0 on padding.
        positions_3BP: Rotary positions of the prompts.
        answers: Token ids of each row's answer.
        groups: Number of each row's group.
    """
    members: dict[int, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    ids, labels, positions, branches, rows = [], [], [], [], []
    for of_group in members.values():
        seen = mask_BP[of_group[0]].bool()
        prompt, place_3P = ids_BP[of_group[0], seen].tolist(), positions_3BP[:, of_group[0], seen]
        ids.append(prompt[:-1])
        labels.append([-100] * len(ids[-1]))
        branches.append([0] * len(ids[-1]))
        places, spans = [place_3P[:, :-1]], []
        for branch, row in enumerate(of_group, 1):
            spans.append((row, len(ids[-1]) + 1, len(answers[row])))
            ids[-1] += [prompt[-1], *answers[row]]
            labels[-1] += [-100, *answers[row]]
            branches[-1] += [branch] * (1 + len(answers[row]))
            places.append(place_3P[:, -1:] + torch.arange(1 + len(answers[row]), device=ids_BP.device))
        positions.append(torch.cat(places, 1))
        rows.append(spans)
    length = max(map(len, ids))

    def padded(lists: list[list[int]], filler: int) -> Tensor:
        return torch.tensor([one + [filler] * (length - len(one)) for one in lists], device=ids_BP.device)

    return Packed(
        ids_NL=padded(ids, int(ids_BP[0, -1])),
        labels_NL=padded(labels, -100),
        positions_3NL=torch.stack(
            [torch.nn.functional.pad(one, (0, length - one.shape[1])) for one in positions], dim=1
        ),
        branches_NL=padded(branches, -1),
        firsts=[of_group[0] for of_group in members.values()],
        rows=rows,
    )


def branch_mask(branches_NL: Tensor, dtype: torch.dtype) -> Tensor:
    """Additive attention mask (N, 1, L, L): a token sees what came before it in the prompt and in its own branch."""
    query, key = branches_NL[:, :, None], branches_NL[:, None, :]
    length = branches_NL.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool, device=branches_NL.device).tril()
    # Padding sees padding: a row without anything to see would turn into NaN.
    visible = earlier & ((key == query) | ((key == 0) & (query > 0)))
    return torch.zeros(visible.shape, dtype=dtype, device=branches_NL.device).masked_fill_(
        ~visible, torch.finfo(dtype).min
    )[:, None]


def unpack(values_NL: Tensor, packed: Packed, kept: list[int], size: tuple[int, int]) -> Tensor:
    """The values of the answers' tokens by row of the batch, ``size`` in all, 0 elsewhere. Keeps the gradient.

    Args:
        values_NL: One value a packed token.
        packed: How they are packed.
        kept: For each packed row its row in the batch.
        size: Rows and columns of the batch's answers.
    """
    places = torch.tensor(
        [
            (kept[row], column, group, first + column)
            for group, spans in enumerate(packed.rows)
            for row, first, count in spans
            for column in range(count)
        ],
        device=values_NL.device,
    )
    row, column, group, token = places.T
    return values_NL.new_zeros(size).index_put((row, column), values_NL[group, token])
