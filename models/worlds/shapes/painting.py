"""Trains the embedded painter: a pixel-space text-to-image pipeline of about four million parameters.

Flow matching with x0 prediction: x_t = (1 - t) x + t (2 e), the transformer predicts x. Scenes grow from one
object to four over the first quarter of the run; the pixels of objects weigh more than the background.
"""

from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, PRXPixelPipeline, PRXTransformer2DModel
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import CLIPTextModel

from models.worlds.shapes.progress import Progress
from models.worlds.shapes.scene import IMAGE_PX, Scene, background, render, sample_scene
from models.worlds.shapes.text_encoder import HIDDEN, MAX_TOKENS, encode, shuffled_caption
from models.worlds.shapes.tokenizer import make_tokenizer

BATCH = 16
NOISE_SCALE = 2.0
INK_WEIGHT = 4.0


def make_transformer(in_channels: int = 3) -> PRXTransformer2DModel:
    """An untrained denoiser: 36 image tokens (patch 8), width 192, depth 5."""
    return PRXTransformer2DModel(
        in_channels=in_channels,
        patch_size=8,
        context_in_dim=HIDDEN,
        hidden_size=192,
        mlp_ratio=3,
        num_heads=6,
        depth=5,
        axes_dim=[16, 16],
        bottleneck_size=96,
    )


def to_tensor(images: list[NDArray[np.uint8]]) -> Tensor:
    """(B, 3, 48, 48) in [-1, 1] from (48, 48, 3) uint8 pictures."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def ink_mask(images: Tensor) -> Tensor:
    """(B, 1, 48, 48): 1 where a picture differs from the empty background, else 0."""
    empty = to_tensor([np.clip(background(), 0, 255).astype(np.uint8)])
    return ((images - empty).abs().amax(1, keepdim=True) > 0.2).float()


def plain_attention() -> AbstractContextManager[None]:
    """Unfused attention: at this size the fused CPU kernel trains slower."""
    return torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)


def learning_rate(step: int, steps: int, peak: float, hold: float = 0.8) -> float:
    """Warm-up over 100 steps, constant to the share ``hold`` of the run, then linear to 2 % of the peak."""
    progress = step / steps
    decay = 1.0 if progress < hold else 1.0 - 0.98 * (progress - hold) / (1 - hold)
    return peak * min(1.0, (step + 1) / 100) * decay


class Ema(nn.Module):
    """An exponential moving average of another module's weights, kept as a module of the same class."""

    def __init__(self, module: nn.Module, decay: float = 0.999) -> None:
        super().__init__()
        import copy

        self.decay, self.average = decay, copy.deepcopy(module).requires_grad_(False)

    def update(self, module: nn.Module, step: int) -> None:
        """Move towards the module's weights; faster in the first steps."""
        decay = min(self.decay, (step + 1) / (step + 10))
        with torch.no_grad():
            for kept, new in zip(self.average.parameters(), module.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)


def draw_scenes(rng: np.random.Generator, progress: float) -> list[Scene]:
    """A batch of scenes that grow with ``progress`` in [0, 1]."""
    most = 2 if progress < 0.16 else 3 if progress < 0.40 else 4
    return [sample_scene(rng, 1, most) for _ in range(BATCH)]


def draw_batch(
    seed: int, step: int, steps: int
) -> tuple[np.random.Generator, int, list[Scene], list[NDArray[np.uint8]]]:
    """The pictures of one step of the training with their scenes, the seed of its noise, and what draws the rest."""
    rng = np.random.default_rng([seed, 2, step])
    noise_seed, scenes = int(rng.integers(2**62)), draw_scenes(rng, step / steps)
    return rng, noise_seed, scenes, [render(scene, rng) for scene in scenes]


def train_painter(
    work: Path, encoder: CLIPTextModel, seed: int, steps: int
) -> tuple[PRXPixelPipeline, dict[str, float]]:
    """The trained pipeline (averaged weights) and its figures (last loss, images, seconds)."""
    torch.manual_seed(seed + 1)
    tokenizer, transformer = make_tokenizer(MAX_TOKENS), make_transformer()
    ema = Ema(transformer)
    optimizer = torch.optim.AdamW(transformer.parameters(), lr=1.5e-3, betas=(0.9, 0.99), weight_decay=0.01)
    figures = {"loss": float("nan")}

    def step_once(step: int) -> dict[str, float]:
        rng, noise_seed, scenes, pictures = draw_batch(seed, step, steps)
        generator, images = torch.Generator().manual_seed(noise_seed), to_tensor(pictures)
        captions = [shuffled_caption(scene, rng) if rng.random() > 0.05 else "" for scene in scenes]
        with torch.no_grad():
            states, mask = encode(tokenizer, encoder, captions)
        t = torch.rand(BATCH, generator=generator) ** 0.6
        noise = torch.randn(images.shape, generator=generator) * NOISE_SCALE
        noisy = torch.lerp(images, noise, t[:, None, None, None])
        with plain_attention():
            painted = transformer(noisy, t, states, mask, return_dict=False)[0]
        weight = 1 + (INK_WEIGHT - 1) * ink_mask(images)
        loss = (weight * (painted.float() - images) ** 2).mean()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, 1.5e-3)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(transformer.parameters(), 1.0)
        optimizer.step()
        ema.update(transformer, step)
        figures["loss"] = loss.item()
        return figures

    progress = Progress(
        work / "painter.safetensors",
        {"transformer": transformer, "ema": ema},
        [optimizer],
        {"seed": seed, "steps": steps},
    )
    progress.run(steps, step_once)
    pipeline = PRXPixelPipeline(
        transformer=ema.average.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0),
        text_encoder=encoder,
        tokenizer=tokenizer,
        default_sample_size=IMAGE_PX,
        prompt_max_tokens=MAX_TOKENS,
        noise_scale=NOISE_SCALE,
    )
    return pipeline, {**figures, "images": float(steps * BATCH), "seconds": progress.seconds}
