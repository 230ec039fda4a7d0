"""Loads any diffusers pipeline as painter (text to image) or editor (image and instruction to image).

Pipelines name their arguments differently; this file is the one place that knows how.
"""

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.locations import resolve
from models.threads import fix_threads
from viper.errors import ModelError
from viper.settings import DiffusionSettings

if TYPE_CHECKING:
    from PIL.Image import Image

ONE_AT_A_TIME = ("QwenImageEdit", "Flux2", "OmniGen2")
"""Families whose editor takes a list of images as references of one picture, so a batch is a loop."""


def load_pipeline(settings: DiffusionSettings) -> Any:
    """A diffusers pipeline from a folder or the hub, on its device, without progress bars.

    Pipelines of this project are found by the class name in ``model_index.json``; all others by diffusers. No code is
    ever run from a model folder.

    Raises:
        ModelError: A file is missing or the folder is no pipeline.
    """
    import torch
    from diffusers import DiffusionPipeline

    fix_threads(settings.device)
    location = resolve(settings.path)
    pipeline_class: Any = DiffusionPipeline
    index = Path(location) / "model_index.json"
    if index.is_file() and json.loads(index.read_text()).get("_class_name") == "BridgeEditPipeline":
        from models.worlds.shapes.bridge_pipeline import BridgeEditPipeline

        pipeline_class = BridgeEditPipeline
    try:
        pipeline = pipeline_class.from_pretrained(
            location, revision=settings.revision, dtype=getattr(torch, settings.dtype), use_safetensors=True
        )
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{settings.path} cannot be loaded as a diffusers pipeline: {error}") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(settings.device)


class _Pipeline:
    def __init__(self, settings: DiffusionSettings) -> None:
        self.settings, self.pipeline = settings, load_pipeline(settings)
        self._parameters = inspect.signature(self.pipeline.__call__).parameters

    def _common(self, seeds: Sequence[int]) -> dict[str, Any]:
        """Arguments that this pipeline takes, of those that every call may give."""
        import torch

        settings = self.settings
        arguments: dict[str, Any] = {
            "num_inference_steps": settings.steps,
            "height": settings.side_px,
            "width": settings.side_px,
            "use_resolution_binning": False,
            "generator": [torch.Generator(settings.device).manual_seed(seed) for seed in seeds],
        }
        scale = "true_cfg_scale" if "true_cfg_scale" in self._parameters else "guidance_scale"
        arguments[scale] = settings.guidance
        if settings.guidance > 1:
            arguments["negative_prompt"] = [settings.negative_prompt] * len(seeds)
        return {name: value for name, value in arguments.items() if name in self._parameters}


class Painter(_Pipeline):
    """Paints captions."""

    def paint(self, captions: Sequence[str], seeds: Sequence[int]) -> list["Image"]:
        """One picture a caption. The same caption, seed and batch size give the same picture.

        Args:
            captions: Texts.
            seeds: Noise seed of each picture.
        """
        pictures: list[Image] = []
        for start in range(0, len(captions), self.settings.batch):
            part = slice(start, start + self.settings.batch)
            pictures += self.pipeline(prompt=list(captions[part]), **self._common(seeds[part])).images
        return pictures


class Editor(_Pipeline):
    """Applies one instruction to each picture."""

    def edit(self, images: Sequence["Image"], instructions: Sequence[str], seeds: Sequence[int]) -> list["Image"]:
        """One edited picture a pair, of the size of its source.

        Args:
            images: Source pictures, RGB.
            instructions: One sentence each.
            seeds: Noise seed of each picture.
        """
        name = type(self.pipeline).__name__
        size = 1 if name.startswith(ONE_AT_A_TIME) else self.settings.batch
        pictures: list[Image] = []
        for start in range(0, len(images), size):
            part = slice(start, start + size)
            arguments = self._common(seeds[part])
            arguments.update(self._source(name, list(images[part]), list(instructions[part])))
            pictures += self.pipeline(**arguments).images
        return [
            picture if picture.size == image.size else picture.resize(image.size)
            for picture, image in zip(pictures, images, strict=True)
        ]

    def _source(self, name: str, images: list["Image"], instructions: list[str]) -> dict[str, Any]:
        if name == "OmniGenPipeline":
            marked = [f"<img><|image_1|></img> {text}" for text in instructions]
            return {"prompt": marked, "input_images": [[image] for image in images]}
        if "input_images" in self._parameters:
            return {"prompt": instructions, "input_images": images}
        return {"prompt": instructions, "image": images}
