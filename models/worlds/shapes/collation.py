"""Examples as inputs of the embedded VLM: patches of pictures, ids of words, positions of both."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from models.worlds.shapes.examples import Example
from models.worlds.shapes.scene import GRID, IMAGE_PX
from models.worlds.shapes.tokenizer import END, START
from models.worlds.shapes.vlm import PATCH_PX

_IMAGE = "<|vision_start|>" + "<|image_pad|>" * (GRID * GRID) + "<|vision_end|>"


def patchify(images: list[NDArray[np.uint8]]) -> tuple[Tensor, Tensor]:
    """Patches (N * 36, 3 * 2 * 8 * 8) in [-1, 1] and grids (N, 3), as the Qwen2-VL image processor makes them."""
    pixels = np.stack(images).astype(np.float32).transpose(0, 3, 1, 2) / 127.5 - 1
    count, channels = pixels.shape[:2]
    side = IMAGE_PX // PATCH_PX
    patches = pixels.reshape(count, channels, side // 2, 2, PATCH_PX, side // 2, 2, PATCH_PX)
    patches = patches.transpose(0, 2, 5, 3, 6, 1, 4, 7)[:, :, :, :, :, :, None]
    patches = np.broadcast_to(patches, (*patches.shape[:6], 2, PATCH_PX, PATCH_PX))
    grids = torch.tensor([[1, side, side]]).expand(count, 3)
    return torch.from_numpy(patches.reshape(count * side * side, -1).copy()), grids


def _positions(ids: list[int], image_id: int) -> NDArray[np.int64]:
    """Multimodal rotary positions (3, L) of one sequence whose images are 3 x 3 merged tokens."""
    out, at, i = np.zeros((3, len(ids)), dtype=np.int64), 0, 0
    grid = np.stack([np.zeros(9, dtype=np.int64), np.repeat(np.arange(3), 3), np.tile(np.arange(3), 3)])
    while i < len(ids):
        if ids[i] == image_id:
            out[:, i : i + 9] = at + grid
            at, i = at + 3, i + 9
        else:
            out[:, i] = at
            at, i = at + 1, i + 1
    return out


def collate(tokenizer: PreTrainedTokenizerFast, examples: list[Example]) -> dict[str, Tensor]:
    """Model inputs of a batch, right-padded, with labels on the answers only."""
    image_id = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    pad_id, rows = tokenizer.pad_token_id, []
    for example in examples:
        prompt = f"{START}user{_IMAGE * len(example.images)}{example.prompt}{END}{START}assistant"
        asked, answer = tokenizer(prompt)["input_ids"], tokenizer(example.answer + END)["input_ids"]
        rows.append((asked, answer))
    length = max(len(asked) + len(answer) for asked, answer in rows)
    ids = np.full((len(rows), length), pad_id)
    labels, positions = np.full((len(rows), length), -100), np.zeros((3, len(rows), length), dtype=np.int64)
    for i, (asked, answer) in enumerate(rows):
        whole = asked + answer
        ids[i, : len(whole)] = whole
        labels[i, len(asked) : len(whole)] = answer
        positions[:, i, : len(whole)] = _positions(whole, image_id)
    batch = {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy((ids != pad_id).astype(np.int64)),
        "labels": torch.from_numpy(labels),
        "position_ids": torch.from_numpy(positions),
    }
    if pictures := [image for example in examples for image in example.images]:
        batch["pixel_values"], batch["image_grid_thw"] = patchify(pictures)
    return batch
