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
from models.worlds import WORLDS
from viper.errors import ModelError
from viper.settings import DiffusionSettings

if TYPE_CHECKING:
    from PIL.Image import Image

ONE_AT_A_TIME = ("QwenImageEdit", "QwenImage21", "Flux2", "OmniGen2", "LongCatImageEdit")
"""Families whose editor takes a list of images as references of one picture, so a batch is a loop."""


def load_pipeline(settings: DiffusionSettings) -> Any:
    """A diffusers pipeline from a folder or the hub, on its device, without progress bars.

    A pipeline that diffusers lacks is found among those of the worlds, by the class name in ``model_index.json``. No
    code is ever run from a model folder.

    Raises:
        ModelError: A file is missing or the folder is no pipeline.
    """
    import torch

    fix_threads(settings.device)
    location = resolve(settings.path)
    pipeline_class = _pipeline_class(Path(location) / "model_index.json")
    try:
        pipeline = pipeline_class.from_pretrained(
            location, revision=settings.revision, dtype=getattr(torch, settings.dtype), use_safetensors=True
        )
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(f"{settings.path} cannot be loaded as a diffusers pipeline: {error}") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(settings.device)


def _pipeline_class(index: Path) -> Any:
    """What loads the pipeline of a folder: diffusers, or a world's own class that diffusers lacks."""
    import diffusers

    name = json.loads(index.read_text()).get("_class_name") if index.is_file() else None
    if name is not None and str(name) not in dir(diffusers):
        for world in WORLDS.values():
            if (own := world.pipeline_classes().get(str(name))) is not None:
                return own
    return diffusers.DiffusionPipeline


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
            "max_area": settings.side_px**2,  # of FLUX Kontext, which scales height and width to it
            "use_resolution_binning": False,
            "generator": [torch.Generator(settings.device).manual_seed(seed) for seed in seeds],
        }
        arguments[self._scale()] = settings.guidance
        if settings.guidance > 1:
            arguments["negative_prompt"] = [settings.negative_prompt] * len(seeds)
        return {name: value for name, value in arguments.items() if name in self._parameters}

    def _scale(self) -> str:
        """The argument that guides this pipeline. Where it has two, one is off by default, as FLUX's true CFG is."""
        true_scale = self._parameters.get("true_cfg_scale")
        return "true_cfg_scale" if true_scale is not None and true_scale.default > 1 else "guidance_scale"


class DiffusersPainter(_Pipeline):
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


class DiffusersEditor(_Pipeline):
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
