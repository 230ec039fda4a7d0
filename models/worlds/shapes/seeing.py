"""Trains the embedded VLM: a Qwen2.5-VL of 1.2 million parameters, from nothing.

Order: the vision tower alone learns to tell what is in each cell, and is frozen; then the language model learns all
tasks side by side, easy scenes first, held by a scaffold (see ``scaffold``); at the end the words become coarse (see
``examples``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLForConditionalGeneration

from models.worlds.shapes.collation import collate, patchify
from models.worlds.shapes.examples import EVERYTHING, Curriculum, Example, draw_example
from models.worlds.shapes.muon import Muon
from models.worlds.shapes.progress import Progress
from models.worlds.shapes.scaffold import Scaffold, find_clues
from models.worlds.shapes.scene import ATTRIBUTE_WORDS, GRID, IMAGE_PX, Scene, render, sample_scene
from models.worlds.shapes.tokenizer import make_tokenizer
from models.worlds.shapes.vlm import make_vlm

BATCH = 32
COARSE_SHARE = 0.8


class CellHeads(nn.Module):
    """Names what is in a cell by the likeness of its merged token to the embeddings of words.

    So a picture's tokens and the words for them lie close together from the start, as in a contrastively trained tower,
    and the language model can search the cells for a word by plain attention.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, embeddings: nn.Embedding) -> None:
        super().__init__()
        self.embeddings = embeddings
        self.ids = [tokenizer.convert_tokens_to_ids([f"▁{w}" for w in words]) for words in ATTRIBUTE_WORDS.values()]
        self.empty = nn.Parameter(torch.zeros(len(self.ids), 128))
        self.place = nn.Linear(128, 2 * GRID)

    def forward(self, tokens: Tensor) -> list[Tensor]:
        """Logits of merged tokens (N, 128), by attribute: (N, words + 1), first that the cell is empty."""
        return [
            tokens @ torch.cat([self.empty[number, None], self.embeddings.weight[ids]]).T
            for number, ids in enumerate(self.ids)
        ]


def draw_scenes(seed: int, step: int) -> tuple[list[Scene], list[NDArray[np.uint8]]]:
    """The scenes of one step of the vision stage, and their noisy pictures."""
    rng = np.random.default_rng([seed, 4, step])
    scenes = [sample_scene(rng, 1, 6) for _ in range(48)]
    noisy = [render(scene, rng) + rng.normal(0, 2.5, (IMAGE_PX, IMAGE_PX, 3)) for scene in scenes]
    return scenes, [np.clip(image, 0, 255).astype(np.uint8) for image in noisy]


def train_vision(
    work: Path, vlm: Qwen2_5_VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, seed: int, steps: int
) -> Progress:
    """Teach the vision tower alone: heads on merged tokens name each cell's content, row and column.

    The place matters: positions are rotary only, so the language model could not tell where a token is if the tower
    did not read it off the background. Freezes the tower.
    """
    heads, tower = CellHeads(tokenizer, vlm.get_input_embeddings()), vlm.model.visual
    optimizer = torch.optim.AdamW([*tower.parameters(), *heads.parameters()], lr=2e-3, weight_decay=0.01)

    def step_once(step: int) -> dict[str, float]:
        scenes, pictures = draw_scenes(seed, step)
        pixels, grids = patchify(pictures)
        tokens = tower(pixels, grid_thw=grids).pooler_output  # (48 * 9, 128), in reading order
        things = [scene.at(cell) for scene in scenes for cell in range(GRID * GRID)]
        cells = torch.arange(GRID * GRID).repeat(len(scenes))
        places = heads.place(tokens).unflatten(1, (2, GRID)).flatten(0, 1)
        rows_and_columns = torch.stack([cells // GRID, cells % GRID], 1).flatten()
        loss = 2 * nn.functional.cross_entropy(places, rows_and_columns)
        right = torch.ones(len(things), dtype=torch.bool)
        for (name, words), logits in zip(ATTRIBUTE_WORDS.items(), heads(tokens), strict=True):
            truth = torch.tensor([words.index(getattr(t, name)) + 1 if t else 0 for t in things])
            right &= logits.argmax(-1) == truth
            weight = torch.where(truth > 0, 1.0, 0.3)
            loss = loss + (nn.functional.cross_entropy(logits, truth, reduction="none") * weight).mean()
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (step + 1) / 50) * min(1.0, (steps - step) / (0.4 * steps))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        optimizer.step()
        filled = torch.tensor([thing is not None for thing in things])
        return {
            "loss": loss.item(),
            "contents": right[filled].float().mean().item(),
            "places": (places.argmax(-1) == rows_and_columns).float().mean().item(),
        }

    progress = Progress(work / "vision.safetensors", {"tower": tower, "heads": heads}, [optimizer], {"seed": seed})
    progress.run(steps, step_once)
    tower.requires_grad_(False)
    return progress


@dataclass(frozen=True)
class Phase:
    """A part of the language stage. Rates are shares of the peak; they change linearly within a phase."""

    steps: int
    curriculum: Curriculum
    coarse_share: float
    first_rate: float
    last_rate: float
    most_things: int = 4
    """Objects in a scene, at most."""


PHASES = (
    Phase(500, EVERYTHING, 0.0, 1.0, 1.0, most_things=2),
    Phase(400, EVERYTHING, 0.0, 1.0, 1.0, most_things=3),
    Phase(700, EVERYTHING, 0.0, 1.0, 1.0),
    Phase(700, EVERYTHING, 0.0, 0.7, 0.1),
    Phase(300, EVERYTHING, COARSE_SHARE, 0.25, 0.03),
)
"""The language stage: easy scenes first; the words become coarse at the end."""


def phase_at(step: int, phases: Sequence[Phase]) -> tuple[Phase, float]:
    """The phase of a step (from 0) and the share of the peak learning rate there."""
    for phase in phases:
        if step < phase.steps:
            return phase, phase.first_rate + (phase.last_rate - phase.first_rate) * step / phase.steps
        step -= phase.steps
    raise ValueError(f"Step lies {step} steps behind the last phase.")


def draw_examples(seed: int, step: int, phases: Sequence[Phase]) -> list[Example]:
    """The examples of one step of the language stage."""
    rng, (phase, _) = np.random.default_rng([seed, 5, step]), phase_at(step, phases)
    return [draw_example(rng, phase.curriculum, phase.coarse_share, phase.most_things) for _ in range(BATCH)]


def train_vlm(
    work: Path, seed: int, vision_steps: int, phases: Sequence[Phase]
) -> tuple[Qwen2_5_VLForConditionalGeneration, PreTrainedTokenizerFast, dict[str, float]]:
    """The trained model, its tokenizer, and figures (examples, seconds).

    Args:
        work: Folder for resumable progress.
        seed: Of weights and examples.
        vision_steps: Steps of the vision stage (48 pictures each).
        phases: The language stage (32 examples a step).
    """
    torch.manual_seed(seed + 4)
    tokenizer = make_tokenizer()
    vlm = make_vlm(tokenizer)
    seen = train_vision(work, vlm, tokenizer, seed, vision_steps)
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in vlm.model.language_model.named_parameters():
        (matrices if parameter.ndim == 2 and "embed" not in name else others).append(parameter)
    scaffold = Scaffold()
    muon = Muon(matrices, lr=0.02, momentum=0.95, weight_decay=0.01)
    adam = torch.optim.AdamW([*others, *scaffold.parameters()], lr=2e-3, betas=(0.9, 0.98), weight_decay=0.0)
    steps = sum(phase.steps for phase in phases)

    def step_once(step: int) -> dict[str, float]:
        scale = phase_at(step, phases)[1]
        examples = sorted(
            draw_examples(seed, step, phases), key=lambda one: len(one.prompt + one.answer) + 60 * len(one.images)
        )
        half = BATCH // 2  # examples of similar length share a pass, so little is padded
        halves = [examples[i : i + half] for i in range(0, BATCH, half)]
        batches = [collate(tokenizer, part) for part in halves]
        answers = sum(int((batch["labels"] >= 0).sum()) for batch in batches)
        total = 0.0
        for part, batch in zip(halves, batches, strict=True):
            clues = find_clues(tokenizer, part, batch["input_ids"], batch["labels"])
            labels = batch.pop("labels")[:, 1:]
            out = vlm.model(**batch, use_cache=False, output_hidden_states=True)
            said = labels >= 0
            logits = vlm.lm_head(out.last_hidden_state[:, :-1][said])
            loss = nn.functional.cross_entropy(logits, labels[said], reduction="sum") / answers
            total += loss.item()
            (loss + scaffold(out.hidden_states, clues) * half / BATCH).backward()
        scale *= min(1.0, (step + 1) / 100)
        muon.param_groups[0]["lr"], adam.param_groups[0]["lr"] = 0.02 * scale, 2e-3 * scale
        nn.utils.clip_grad_norm_([*matrices, *others], 1.0)
        for optimizer in (muon, adam):
            optimizer.step()
            optimizer.zero_grad()
        return {"loss": total}

    identity = {"seed": seed, "phases": [(phase.steps, phase.coarse_share) for phase in phases]}
    progress = Progress(work / "vlm.safetensors", {"vlm": vlm, "scaffold": scaffold}, [muon, adam], identity)
    progress.run(steps, step_once)
    figures = {"examples": float(steps * BATCH), "seconds": progress.seconds + seen.seconds}
    return vlm.eval(), tokenizer, figures
