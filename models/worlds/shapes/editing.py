"""Trains the embedded editor, starting from the painter's transformer.

The painter's input and output layers get three more channels for the source picture; the last layer starts at
zero, so the untrained editor copies. Changed pixels weigh more, because most of a picture stays as it is.
"""

from pathlib import Path

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, PRXTransformer2DModel
from numpy.typing import NDArray
from torch import nn
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


def train_editor(
    work: Path, encoder: CLIPTextModel, painter: PRXTransformer2DModel, seed: int, steps: int
) -> tuple[BridgeEditPipeline, dict[str, float]]:
    """The trained pipeline (averaged weights) and its figures (last loss, images, seconds)."""
    torch.manual_seed(seed + 2)
    tokenizer, transformer = make_tokenizer(MAX_TOKENS), from_painter(painter)
    ema = Ema(transformer)
    optimizer = torch.optim.AdamW(transformer.parameters(), lr=1.2e-3, betas=(0.9, 0.99), weight_decay=0.01)
    figures = {"loss": float("nan")}

    def step_once(step: int) -> dict[str, float]:
        rng, drawn = draw_batch(seed, step)
        source, target = to_tensor([edit[0] for edit in drawn]), to_tensor([edit[1] for edit in drawn])
        with torch.no_grad():
            states, mask = encode(tokenizer, encoder, [say_operation(edit[2], rng) for edit in drawn])
        t = torch.from_numpy(np.where(rng.random(BATCH) < 0.4, 1.0, rng.random(BATCH))).float()
        current = torch.lerp(target, source, t[:, None, None, None])
        with plain_attention():
            velocity = transformer(torch.cat([current, source], 1), t, states, mask, return_dict=False)[0][:, :3]
        changed = ((source - target).abs().amax(1, keepdim=True) > 0.05).float()
        weight = 1 + (CHANGE_WEIGHT - 1) * changed
        loss = 20 * (weight * (velocity - (source - target)) ** 2).mean()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, 1.2e-3)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(transformer.parameters(), 1.0)
        optimizer.step()
        ema.update(transformer, step)
        figures["loss"] = loss.item()
        return figures

    progress = Progress(
        work / "editor.safetensors",
        {"transformer": transformer, "ema": ema},
        [optimizer],
        {"seed": seed, "steps": steps},
    )
    progress.run(steps, step_once)
    pipeline = BridgeEditPipeline(
        transformer=ema.average.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0),
        text_encoder=encoder,
        tokenizer=tokenizer,
    )
    return pipeline, {**figures, "images": float(steps * BATCH), "seconds": progress.seconds}
