"""Rollouts and updates that compute a prompt once a group, not once a rollout.

All rollouts of a group share their prompt, and on pictures the prompt is most of the work: its image tokens outnumber a
short answer. So the prompt is read once and its cache repeated for the group (``models.group_sampling``), and the
update runs over one packed sequence a group (``pack``): the prompt, then every answer, each of which sees the prompt
and itself.

    update:   p0 p1 p2 │ p3 a0 a1 │ p3 b0 b1 b2 │ …      p3, the prompt's last token, opens every branch, because the
              prompt     branch 1   branch 2              answer's first token is predicted at it

Log-probabilities and gradients are those of the plain computation up to rounding (arXiv 2506.05433 proves it for text;
``tests/libraries/test_shared_prefix.py`` checks it for the multimodal positions of the Qwen families).

Shape suffixes: B rollouts, P prompt tokens (padded left), C answer tokens (padded right), N groups, L packed tokens.
"""

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
