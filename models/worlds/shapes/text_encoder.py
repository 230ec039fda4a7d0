"""The painter's and editor's text encoder: a tiny CLIP text model that learns to read before anyone paints.

Heads with learned queries read the layout off a caption (what is in each cell) and the slots off an
operation. They are thrown away afterwards; the encoder stays frozen, so painter and editor spend no
step on learning words.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

from models.worlds.shapes.grammar import OPERATION_KINDS, RECAST, Operation, sample_operation, say_operation, say_thing
from models.worlds.shapes.progress import Progress
from models.worlds.shapes.scene import ATTRIBUTE_WORDS, POSITIONS, Scene, sample_scene
from models.worlds.shapes.tokenizer import make_tokenizer

MAX_TOKENS = 64
HIDDEN = 128
_ATTRIBUTES = tuple(ATTRIBUTE_WORDS.items())
_CELLS = len(POSITIONS)


def shuffled_caption(scene: Scene, rng: np.random.Generator) -> str:
    """A caption whose sentences are in any order half of the time: order carries no meaning."""
    things = list(scene.things)
    if rng.random() < 0.5:
        rng.shuffle(things)
    return " ".join(say_thing(thing, rng) for thing in things)


class LayoutHeads(nn.Module):
    """Reads slots off token states by attention from learned queries.

    The first nine queries are the cells (size, color, shape, each with class 0 = empty); the tenth is the
    operation (kind, cell, target cell, size, color, shape, each with class 0 = none).
    """

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(_CELLS + 1, HIDDEN) * 0.1)
        self.attention = nn.MultiheadAttention(HIDDEN, 4, batch_first=True)
        self.mix = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.GELU())
        self.cell = nn.ModuleList(nn.Linear(HIDDEN, len(words) + 1) for _, words in _ATTRIBUTES)
        slots = [len(OPERATION_KINDS) + 1, _CELLS + 1, _CELLS + 1, *(len(words) + 1 for _, words in _ATTRIBUTES)]
        self.operation = nn.ModuleList(nn.Linear(HIDDEN, size) for size in slots)

    def read(self, states: Tensor, mask: Tensor) -> Tensor:
        """(B, 10, 128): what each query found in (B, L, 128) states where the (B, L) mask is true."""
        queries = self.queries.expand(len(states), -1, -1)
        found: Tensor = self.mix(self.attention(queries, states, states, key_padding_mask=~mask, need_weights=False)[0])
        return found

    def caption_loss(self, states: Tensor, mask: Tensor, cells: Tensor) -> Tensor:
        """Mean cross entropy over the (B, 9, 3) classes of captions."""
        read = self.read(states, mask)[:, :_CELLS].flatten(0, 1)
        losses = [nn.functional.cross_entropy(head(read), cells[..., i].flatten()) for i, head in enumerate(self.cell)]
        return torch.stack(losses).mean()

    def operation_loss(self, states: Tensor, mask: Tensor, slots: Tensor) -> Tensor:
        """Mean cross entropy over the (B, 6) classes of operations."""
        read = self.read(states, mask)[:, _CELLS]
        losses = [nn.functional.cross_entropy(head(read), slots[:, i]) for i, head in enumerate(self.operation)]
        return torch.stack(losses).mean()


def _cell_classes(scene: Scene) -> list[list[int]]:
    things = [scene.at(cell) for cell in range(_CELLS)]
    return [[words.index(getattr(t, name)) + 1 if t else 0 for name, words in _ATTRIBUTES] for t in things]


def _slot_classes(operation: Operation) -> list[int]:
    words = {name: getattr(operation.thing, name) for name, _ in _ATTRIBUTES} if operation.thing else {}
    if operation.kind in RECAST:
        words[RECAST[operation.kind]] = operation.word
    values = [values.index(words[name]) + 1 if name in words else 0 for name, values in _ATTRIBUTES]
    target = 0 if operation.target is None else operation.target + 1
    return [OPERATION_KINDS.index(operation.kind) + 1, operation.cell + 1, target, *values]


def make_text_encoder() -> CLIPTextModel:
    """An untrained encoder: 3 layers of width 128."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(make_tokenizer()),
            hidden_size=HIDDEN,
            projection_dim=HIDDEN,
            intermediate_size=4 * HIDDEN,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=MAX_TOKENS,
            eos_token_id=2,
            bos_token_id=1,
            pad_token_id=0,
        )
    )


def encode(tokenizer: PreTrainedTokenizerFast, encoder: CLIPTextModel, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Token states (B, L, 128) and boolean mask (B, L), cut to the longest text of the batch."""
    batch = tokenizer(texts, padding=True, max_length=MAX_TOKENS, truncation=True, return_tensors="pt")
    mask = batch["attention_mask"]
    return encoder(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state, mask.bool()


def train_text_encoder(work: Path, seed: int, steps: int) -> tuple[CLIPTextModel, dict[str, float]]:
    """The trained encoder in eval mode, frozen, and its figures (last loss, seconds)."""
    torch.manual_seed(seed)
    tokenizer, encoder, heads = make_tokenizer(MAX_TOKENS), make_text_encoder(), LayoutHeads()
    parameters = [*encoder.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1.5e-3, betas=(0.9, 0.98), weight_decay=0.01)
    figures = {"loss": float("nan")}

    def step_once(step: int) -> dict[str, float]:
        rng = np.random.default_rng([seed, 1, step])
        scenes = [sample_scene(rng) for _ in range(32)]
        operations = [sample_operation(sample_scene(rng), rng) for _ in range(32)]
        captions = [shuffled_caption(scene, rng) for scene in scenes]
        instructions = [say_operation(operation, rng) for operation in operations]
        cells, slots = torch.tensor([*map(_cell_classes, scenes)]), torch.tensor([*map(_slot_classes, operations)])
        loss = heads.caption_loss(*encode(tokenizer, encoder, captions), cells)
        loss = loss + heads.operation_loss(*encode(tokenizer, encoder, instructions), slots)
        for group in optimizer.param_groups:
            group["lr"] = 1.5e-3 * min(1.0, (step + 1) / 50) * min(1.0, (steps - step) / (0.3 * steps))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        figures["loss"] = loss.item()
        return figures

    progress = Progress(
        work / "text_encoder.safetensors", {"encoder": encoder, "heads": heads}, [optimizer], {"seed": seed}
    )
    progress.run(steps, step_once)
    return encoder.eval().requires_grad_(False), {**figures, "seconds": progress.seconds}
