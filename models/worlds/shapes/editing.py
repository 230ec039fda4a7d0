"""Trains the embedded editor, starting from the painter's transformer.

The painter's input and output layers get three more channels for the source picture; the last layer starts at
zero, so the untrained editor copies. Most of a picture stays as it is, so changed pixels weigh more. That alone
leaves small shapes blurred, and fills their holes, which do not change. So the training goes over its edits twice,
and the second time all pixels near a change weigh the same in every edit, however few they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, PRXTransformer2DModel
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import CLIPTextModel

from models.worlds.shapes.bridge_pipeline import BridgeEditPipeline
from models.worlds.shapes.grammar import Operation, sample_operation, say_operation
from models.worlds.shapes.painting import BATCH, Ema, learning_rate, make_transformer, plain_attention, to_tensor
from models.worlds.shapes.pictures import render_pair
from models.worlds.shapes.progress import Progress
from models.worlds.shapes.scene import Scene, sample_scene
from models.worlds.shapes.text_encoder import MAX_TOKENS, encode
from models.worlds.shapes.tokenizer import make_tokenizer

CHANGE_WEIGHT = 8.0
NEAR_WEIGHT = 1100.0
"""What the pixels near the changes of an edit weigh together, where each pixel of the picture weighs 1."""
NEAR_PX = 2

DrawnEdit = tuple[NDArray[np.uint8], NDArray[np.uint8], Operation, Scene]


def draw_edit(rng: np.random.Generator) -> DrawnEdit:
    """A picture, the same picture after one operation, the operation, and the scene before it.

    Both pictures share tint, shades and shifts; only the cells of the operation differ.
    """
    scene = sample_scene(rng)
    operation = sample_operation(scene, rng)
    before, after = render_pair(scene, [operation], rng)
    return before, after, operation, scene


def draw_batch(seed: int, step: int) -> tuple[np.random.Generator, list[DrawnEdit]]:
    """The edits of one step of the training, and what draws the rest."""
    rng = np.random.default_rng([seed, 3, step])
    return rng, [draw_edit(rng) for _ in range(BATCH)]


def from_painter(painter: PRXTransformer2DModel) -> PRXTransformer2DModel:
    """The painter's transformer with six channels in and out; it predicts zero until it is trained."""
    editor = make_transformer(in_channels=6)
    weights = painter.state_dict()
    patch = weights["img_in.0.weight"]  # (96, 3 * 64), channel-major
    weights["img_in.0.weight"] = torch.cat([0.5 * patch, 0.5 * patch], dim=1)
    for name in ("final_layer.linear.weight", "final_layer.linear.bias"):
        weights[name] = torch.zeros_like(editor.state_dict()[name])
    editor.load_state_dict(weights)
    return editor


def changed(source: Tensor, target: Tensor) -> Tensor:
    """(B, 1, 48, 48): 1 where two pictures (B, 3, 48, 48) in [-1, 1] differ visibly, else 0."""
    return ((source - target).abs().amax(1, keepdim=True) > 0.05).float()


def weigh_changes(source: Tensor, target: Tensor) -> Tensor:
    """Weights of the pixels, (B, 1, 48, 48): each that changes weighs ``CHANGE_WEIGHT``, each other 1."""
    return 1 + (CHANGE_WEIGHT - 1) * changed(source, target)


def weigh_surroundings(source: Tensor, target: Tensor) -> Tensor:
    """Weights of the pixels, (B, 1, 48, 48): those near a change share ``NEAR_WEIGHT``, beside 1 for each pixel."""
    near = nn.functional.max_pool2d(changed(source, target), 2 * NEAR_PX + 1, 1, NEAR_PX)
    return 1 + NEAR_WEIGHT * near / near.sum((2, 3), keepdim=True).clamp(min=1)


@dataclass(frozen=True)
class Pass:
    """One way through the edits."""

    name: str
    """Of its progress file."""
    weigh: Callable[[Tensor, Tensor], Tensor]
    """Weights of the pixels of a source and a target."""
    rate: float
    """Peak of the learning rate."""
    hold: float
    """Share of the steps after which the rate falls."""


PASSES = (Pass("editor", weigh_changes, 1.2e-3, 0.8), Pass("editor-again", weigh_surroundings, 6e-4, 0.6))


def train_editor(
    work: Path, encoder: CLIPTextModel, painter: PRXTransformer2DModel, seed: int, steps: int
) -> tuple[BridgeEditPipeline, dict[str, float]]:
    """The trained pipeline (averaged weights) and its figures (last loss, images, seconds).

    Args:
        work: Folder for resumable progress.
        encoder: Of the instructions.
        painter: What the training starts from.
        seed: Draws everything.
        steps: Of each of ``PASSES``.
    """
    torch.manual_seed(seed + 2)
    transformer, figures = from_painter(painter), {"loss": float("nan")}
    seconds = 0.0
    for one in PASSES:
        transformer, progress = _pass(work, encoder, transformer, one, seed, steps, figures)
        seconds += progress.seconds
    pipeline = BridgeEditPipeline(
        transformer=transformer.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0),
        text_encoder=encoder,
        tokenizer=make_tokenizer(MAX_TOKENS),
    )
    return pipeline, {**figures, "images": float(len(PASSES) * steps * BATCH), "seconds": seconds}


def _pass(
    work: Path,
    encoder: CLIPTextModel,
    transformer: PRXTransformer2DModel,
    one: Pass,
    seed: int,
    steps: int,
    figures: dict[str, float],
) -> tuple[PRXTransformer2DModel, Progress]:
    """The averaged weights after one way through the edits, rounded to what is kept of them."""
    tokenizer, ema = make_tokenizer(MAX_TOKENS), Ema(transformer)
    optimizer = torch.optim.AdamW(transformer.parameters(), lr=one.rate, betas=(0.9, 0.99), weight_decay=0.01)

    def step_once(step: int) -> dict[str, float]:
        rng, drawn = draw_batch(seed, step)
        source, target = to_tensor([edit[0] for edit in drawn]), to_tensor([edit[1] for edit in drawn])
        with torch.no_grad():
            states, mask = encode(tokenizer, encoder, [say_operation(edit[2], rng) for edit in drawn])
        t = torch.from_numpy(np.where(rng.random(BATCH) < 0.4, 1.0, rng.random(BATCH))).float()
        current = torch.lerp(target, source, t[:, None, None, None])
        with plain_attention():
            velocity = transformer(torch.cat([current, source], 1), t, states, mask, return_dict=False)[0][:, :3]
        loss = 20 * (one.weigh(source, target) * (velocity - (source - target)) ** 2).mean()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, one.rate, one.hold)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(transformer.parameters(), 1.0)
        optimizer.step()
        ema.update(transformer, step)
        figures["loss"] = loss.item()
        return figures

    identity = {"seed": seed, "steps": steps}
    progress = Progress(
        work / f"{one.name}.safetensors", {"transformer": transformer, "ema": ema}, [optimizer], identity
    )
    progress.run(steps, step_once)
    averaged: PRXTransformer2DModel = ema.average.half().float().requires_grad_(True)
    return averaged, progress
