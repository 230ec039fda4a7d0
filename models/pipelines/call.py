"""How a pipeline is called, as its family's line of the table says."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from models.payloads import FittedText
from models.pipelines.canvas import Size
from models.pipelines.families import find_family
from models.pipelines.family import Measure, Role
from models.pipelines.loading import load_pipeline
from models.pipelines.texts import fit_text
from viper.settings import DiffusionSettings

if TYPE_CHECKING:
    from PIL.Image import Image


class CalledPipeline:
    """A loaded pipeline and the line of the table that says how to call it.

    Args:
        settings: Where it lies and how it is called.
        role: What it is to do.

    Raises:
        ModelError: It cannot be loaded, or nobody told how to call it in this role.
    """

    def __init__(self, settings: DiffusionSettings, role: Role) -> None:
        self.settings = settings
        self.pipeline = load_pipeline(settings, role)
        self.family = find_family(type(self.pipeline).__name__, role, settings.path)

    @property
    def batch(self) -> int:
        """Pictures a forward pass."""
        guided = self.settings.guidance > 1
        return 1 if self.family.guided_alone and guided else self.settings.batch

    def fit(self, text: str) -> FittedText:
        """The part of a text that the pipeline takes: see ``models.pipelines.texts``."""
        return fit_text(self.pipeline, self.family, text)

    def call(self, prompts: Sequence[str], seeds: Sequence[int], size: Size, **given: object) -> list["Image"]:
        """One forward pass: one picture a prompt, all of one size."""
        import torch

        settings, family = self.settings, self.family
        arguments: dict[str, Any] = {
            "prompt": list(prompts),
            "num_inference_steps": settings.steps,
            **{name: measure(size, what) for name, what in family.sizes.items()},
            **family.fixed,
            **given,
        }
        if family.seeded:
            arguments["generator"] = [torch.Generator(settings.device).manual_seed(seed) for seed in seeds]
        if family.guidance:
            arguments[family.guidance] = settings.guidance
        if family.guidance and family.negative and settings.guidance > 1:
            # Without one, Qwen's pipelines are unguided and say so in a log only.
            arguments["negative_prompt"] = [settings.negative_prompt] * len(prompts)
        if family.image_guidance:
            arguments[family.image_guidance] = settings.image_guidance
        with self._global_noise(seeds):
            images: list[Image] = self.pipeline(**arguments).images
        return images

    @contextmanager
    def _global_noise(self, seeds: Sequence[int]) -> Iterator[None]:
        """Decides what a pipeline draws beside its generators; nobody else's draws are moved."""
        import torch

        if not self.family.global_noise:
            yield
            return
        device = torch.device(self.settings.device)
        with torch.random.fork_rng([] if device.type == "cpu" else [device], device_type=device.type):
            torch.manual_seed(seeds[0])
            yield


def measure(size: Size, what: Measure) -> int:
    """A measure of a size in pixels."""
    measures: Mapping[Measure, int] = {
        "width": size[0],
        "height": size[1],
        "area": size[0] * size[1],
        "longest": max(size),
    }
    return measures[what]
