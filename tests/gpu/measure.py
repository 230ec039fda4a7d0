"""Times and memory of training and answering with the layers of real models, on whatever device there is.

python -m tests.gpu.measure --size 7b --layers 8 --device cuda --side 896 --tokens 256     one JSON line a measurement

The weights are random, so no answer ends by itself: every rollout has --tokens tokens, the most that a profile allows.
"""

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from models.grpo import make_trainer
from models.grpo_reports import Reports
from models.prompt_reader import Prompt
from models.rewards import SentenceReward
from models.sizes import memory
from models.sizes.language import learning_numbers, shape_of
from models.sizes.memory import Asked
from models.sizes.weights import BYTES
from models.trainable import Adaptation, save_trained
from models.vlm import Vlm, load_vlm
from tests.gpu.layers import save_random
from tests.grpo import Letters
from viper.settings import GrpoStage, LoraSettings, RewardSettings, TrainingSettings, VlmSettings

GIB = 2**30
TRUTH = "the object at the top left is red, not blue."
Figures = dict[str, Any]


def pictures(count: int, side: int) -> list[Image.Image]:
    """Noise of side x side pixels."""
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8)) for _ in range(count)]


def free_memory() -> None:
    """As ``tasks.worker`` does, which would load Prefect."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def measured(device: str, found: Figures) -> Iterator[None]:
    """Fill in seconds, and the most memory of the device, in GiB."""
    free_memory()
    on_gpu = device.startswith("cuda")
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    began = time.monotonic()
    yield
    if on_gpu:
        torch.cuda.synchronize()
        found["peak_gib"] = round(torch.cuda.max_memory_allocated() / GIB, 2)
    found["seconds"] = round(time.monotonic() - began, 2)


def held_gib(device: str) -> float:
    """Memory of the device that somebody holds."""
    free_memory()
    return round(torch.cuda.memory_allocated() / GIB, 3) if device.startswith("cuda") else 0.0


def answering(model: VlmSettings, adapter: str, side: int, tokens: int, batch: int) -> Figures:
    """Replies to questions about one picture each."""
    vlm = load_vlm(model, adapter)
    asked = [Prompt("describe the image.", (picture,)) for picture in pictures(batch, side)]
    found: Figures = {"what": "answering", "adapter": bool(adapter), "batch": batch}
    prepared = vlm.prepare(asked, batch=batch)
    with measured(model.device, found):
        vlm.answer(prepared, max_new_tokens=tokens)
    return found | {"image_tokens": prepared.image_tokens, "tokens": tokens}


def training(
    model: VlmSettings, stage: GrpoStage, shared_prefix: bool, side: int, folder: Path, method: str = "lora"
) -> tuple[Figures, Path]:
    """Steps on pairs of pictures, each with its seconds; and the folder of what was made."""
    lora = LoraSettings() if method == "lora" else None
    rows = [
        {"prompt": "what was changed from the first picture to the second?", "images": [one, one], "truth": [TRUTH]}
        for one in pictures(stage.prompts_per_step, side)
    ]
    steps: list[float] = []
    began = time.monotonic()

    def on_step(_: int, figures: dict[str, float]) -> None:
        nonlocal began
        steps.append(round(time.monotonic() - began, 2))
        began = time.monotonic()

    planned = planned_gib(model, stage, shared_prefix, side, method)
    reward = SentenceReward(Letters(), RewardSettings(threshold=0.7, coverage_weight=0.5))
    trainer = make_trainer(
        model,
        rows,
        stage,
        Adaptation.model_validate({"method": method, "lora": lora, "shared_prefix": shared_prefix}),
        reward,
        7,
        folder / "work",
        [Reports(on_step, lambda *_: None)],
    )
    found: Figures = {"what": f"training {method}", "shared_prefix": shared_prefix, "micro_batch": stage.micro_batch}
    began = time.monotonic()
    with measured(model.device, found):
        trainer.train()
    (made := folder / "made").mkdir(parents=True)
    save_trained(trainer, "", "", made)
    rollouts = stage.prompts_per_step * stage.generations
    found |= {"step_seconds": steps, "rollouts_a_step": rollouts, "tokens": stage.max_completion_tokens}
    # The first step loads kernels and makes room.
    found |= {"tokens_a_second": round(rollouts * stage.max_completion_tokens / min(steps), 1), "planned_gib": planned}
    return found, made


def planned_gib(model: VlmSettings, stage: GrpoStage, shared_prefix: bool, side: int, method: str) -> float:
    """The peak of such a training by the arithmetic of ``viper plan``."""
    shape = shape_of(Path(model.path))
    settings = TrainingSettings.model_validate({"stages": [stage], "method": method, "shared_prefix": shared_prefix})
    learning = learning_numbers(Path(model.path), settings)
    asked = Asked(text=30, pictures=2 * (side // 28) ** 2, reply=stage.max_completion_tokens)
    on_gpu = model.device.startswith("cuda")
    parts = memory.training(
        shape, BYTES[model.dtype], learning, shape.layers, stage, settings, asked, 1, recomputes=on_gpu
    )
    return round(parts.total / GIB, 3)


def served_as_trained(model: VlmSettings, adapter: Path, side: int) -> Figures:
    """The largest difference of logits between the adapter as it is served and as it lies on a second copy."""
    asked = [Prompt("describe the image.", (picture,)) for picture in pictures(2, side)]

    def logits(vlm: Vlm) -> torch.Tensor:
        with torch.no_grad():
            found: torch.Tensor = vlm.model(**vlm.inputs(asked)).logits[:, -1].float().cpu()
        return found

    base, served = logits(load_vlm(model)), logits(load_vlm(model, str(adapter)))
    again = logits(load_vlm(model, str(adapter)))
    moved, apart = float((served - base).abs().max()), float((served - again).abs().max())
    return {"what": "an adapter served twice", "logits_moved": moved, "logits_apart": apart}


def measurements(arguments: argparse.Namespace, folder: Path) -> Iterator[Figures]:
    """All of them, one after the other."""
    model = VlmSettings(path=str(folder / "model"), dtype="bfloat16", device=arguments.device)
    found: Figures = {"what": "random weights written"}
    with measured(arguments.device, found):
        save_random(arguments.size, folder / "model", arguments.device, arguments.layers)
    yield found
    before = held_gib(arguments.device)
    stage = GrpoStage(
        objective="grpo",
        lessons=("vop",),
        steps=arguments.steps,
        prompts_per_step=arguments.prompts,
        generations=5,
        learning_rate=1e-4,
        warmup_steps=0,
        max_completion_tokens=arguments.tokens,
        checkpoint_steps=arguments.steps,
        micro_batch=arguments.micro_batch,
    )
    adapter = Path()
    for shared in arguments.ways:
        with_prefix = shared == "shared"
        found, adapter = training(model, stage, with_prefix, arguments.side, folder / shared)
        yield found
        yield {"what": "memory given back", "held_before_gib": before, "held_gib": held_gib(arguments.device)}
    yield served_as_trained(model, adapter, arguments.side)
    for with_adapter in ("", str(adapter)):
        yield answering(model, with_adapter, arguments.side, arguments.tokens, arguments.batch)
    yield {"what": "memory given back", "held_before_gib": before, "held_gib": held_gib(arguments.device)}


def main(words: Sequence[str] | None = None) -> list[Figures]:
    """Print every measurement as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["tiny", "3b", "7b"], default="tiny")
    parser.add_argument("--layers", type=int, default=0, help="of the language model; 0: as many as the real one")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", type=int, default=56, help="pixels of a picture's side")
    parser.add_argument("--tokens", type=int, default=8, help="of each answer")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--prompts", type=int, default=2, help="of a step, each with five rollouts")
    parser.add_argument("--micro-batch", type=int, default=5)
    parser.add_argument("--batch", type=int, default=2, help="questions answered at a time")
    parser.add_argument("--ways", nargs="+", choices=["shared", "trl"], default=["shared", "trl"])
    arguments = parser.parse_args(words)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for one in measurements(arguments, Path(folder)):
            print(json.dumps(one), flush=True)
            found.append(one)
    return found


if __name__ == "__main__":
    main()
