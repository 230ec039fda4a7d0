"""Loads any diffusers pipeline as painter (text to image) or editor (image and instruction to image).

Pipelines name their arguments differently; this file is the one place that knows how.
"""

import inspect
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.locations import read_description, resolve
from models.threads import fix_threads
from models.worlds import WORLDS
from viper.errors import ModelError
from viper.pictures import ShapeLimits
from viper.settings import DiffusionSettings

if TYPE_CHECKING:
    from PIL.Image import Image

INDEX, _CLASS = "model_index.json", "_class_name"
Size = tuple[int, int]
"""Width and height in pixels."""
PATCH_PX = 16
"""Pixels that one patch of latents covers, in each direction."""
ONE_AT_A_TIME = ("QwenImageEdit", "QwenImage21", "Flux2", "OmniGen2", "LongCatImageEdit")
"""Families whose editor takes a list of images as references of one picture, so a batch is a loop."""

FLUX_2 = ShapeLimits(min_side_px=64, max_aspect=8)
"""Sources that FLUX.2 takes; the other families take any."""


def editor_shapes(path: str, revision: str) -> ShapeLimits:
    """Shapes of pictures that an editor takes, read without loading it.

    Args:
        path: Folder, hub name or address of a world's model.
        revision: On the hub; ignored for folders.

    Raises:
        ModelError: It is not there.
    """
    name = str(read_description(path, revision, INDEX).get(_CLASS))
    return FLUX_2 if name.startswith("Flux2") else ShapeLimits()


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
    pipeline_class = _pipeline_class(Path(location) / INDEX)
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

    name = json.loads(index.read_text()).get(_CLASS) if index.is_file() else None
    if name is not None and str(name) not in dir(diffusers):
        for world in WORLDS.values():
            if (own := world.pipeline_classes().get(str(name))) is not None:
                return own
    return diffusers.DiffusionPipeline


class _Pipeline:
    def __init__(self, settings: DiffusionSettings) -> None:
        self.settings, self.pipeline = settings, load_pipeline(settings)
        self._name = type(self.pipeline).__name__
        self._parameters = inspect.signature(self.pipeline.__call__).parameters

    def _common(self, seeds: Sequence[int], size: Size) -> dict[str, Any]:
        """Arguments that this pipeline takes, of those that every call may give."""
        import torch

        settings = self.settings
        arguments: dict[str, Any] = {
            "num_inference_steps": settings.steps,
            "height": size[1],
            "width": size[0],
            "max_area": size[0] * size[1],  # of FLUX Kontext, which scales height and width to it
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
        size = (self.settings.side_px, self.settings.side_px)
        for start in range(0, len(captions), self.settings.batch):
            part = slice(start, start + self.settings.batch)
            pictures += self.pipeline(prompt=list(captions[part]), **self._common(seeds[part], size)).images
        return pictures


class DiffusersEditor(_Pipeline):
    """Applies one instruction to each picture, at the picture's own aspect ratio."""

    def edit(self, images: Sequence["Image"], instructions: Sequence[str], seeds: Sequence[int]) -> list["Image"]:
        """One edited picture a pair, of the size of its source.

        Args:
            images: Source pictures, RGB.
            instructions: One sentence each.
            seeds: Noise seed of each picture.
        """
        edited: dict[int, Image] = {}
        for size, numbers in self._batches(images):
            sources = [images[number] for number in numbers]
            arguments = self._common([seeds[number] for number in numbers], size)
            arguments |= self._source(sources, [instructions[number] for number in numbers], size)
            edited |= zip(numbers, self.pipeline(**arguments).images, strict=True)
        return [_resized(edited[number], image.size) for number, image in enumerate(images)]

    def _batches(self, images: Sequence["Image"]) -> Iterator[tuple[Size, list[int]]]:
        """The size of each batch, and which pictures are in it: a pipeline works at one size."""
        batch = 1 if self._name.startswith(ONE_AT_A_TIME) else self.settings.batch
        by_size: dict[Size, list[int]] = {}
        for number, image in enumerate(images):
            by_size.setdefault(working_size(image.size, self.settings.side_px), []).append(number)
        for size, numbers in by_size.items():
            for start in range(0, len(numbers), batch):
                yield size, numbers[start : start + batch]

    def _source(self, images: list["Image"], instructions: list[str], size: Size) -> dict[str, Any]:
        if self._name == "OmniGenPipeline":
            marked = [f"<img><|image_1|></img> {text}" for text in instructions]
            return {"prompt": marked, "input_images": [[image] for image in images]}
        if "input_images" in self._parameters:
            return {"prompt": instructions, "input_images": images}
        own_size = {"_auto_resize": False} if "_auto_resize" in self._parameters else {}
        if own_size or "height" not in self._parameters:
            # It works at the size of its sources. FLUX Kontext would stretch them to the nearest of its sizes.
            images = [_resized(image, size) for image in images]
        return {"prompt": instructions, "image": images, **own_size}


def working_size(source: Size, side_px: int) -> Size:
    """Width and height at which an editor works: the source's aspect ratio, and about side_px² pixels.

    Square sources are edited at ``side_px`` itself, others at multiples of 16, which latent patches need.
    """
    width, height = source
    if width == height:
        return side_px, side_px
    stretch = math.sqrt(width / height)
    return _multiple(side_px * stretch), _multiple(side_px / stretch)


def _multiple(side: float) -> int:
    return max(1, round(side / PATCH_PX)) * PATCH_PX


def _resized(image: "Image", size: Size) -> "Image":
    return image if image.size == size else image.resize(size)
