"""Tiny painters and editors of every family, each built and loaded once, and what they were called with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from models.pipelines.call import CalledPipeline
from models.pipelines.editor import DiffusersEditor
from models.pipelines.painter import DiffusersPainter
from tests.conftest import SESSION_FOLDER
from tests.small_pipelines import build_omnigen2, build_pipeline
from viper.settings import DiffusionSettings

PAINTERS = (
    "StableDiffusionPipeline",
    "StableDiffusionXLPipeline",
    "QwenImagePipeline",
    "FluxPipeline",
    "Flux2KleinPipeline",
    "SanaPipeline",
    "PixArtAlphaPipeline",
    "PixArtSigmaPipeline",
    "ZImagePipeline",
    "PRXPixelPipeline",
)
EDITORS = (
    "StableDiffusionInstructPix2PixPipeline",
    "StableDiffusionXLInstructPix2PixPipeline",
    "QwenImageEditPipeline",
    "QwenImageEditPlusPipeline",
    "FluxKontextPipeline",
    "Flux2KleinPipeline",
    "OmniGenPipeline",
    "OmniGen2Pipeline",
)
SIDE = 64
Pictures = Sequence[Image.Image]


def settings_for(name: str, **changed: object) -> DiffusionSettings:
    plain = {"path": folder_of(name), "device": "cpu", "dtype": "float32", "steps": 2, "side_px": SIDE, "batch": 2}
    return DiffusionSettings.model_validate({**plain, "guidance": 3.0, "negative_prompt": "blur", **changed})


def folder_of(name: str) -> str:
    """A tiny pipeline's folder; skips where it needs a package that is not installed."""
    if name == "OmniGenPipeline":
        pytest.importorskip("torchvision")
    if name == "OmniGen2Pipeline":
        pytest.importorskip("omnigen2")
        folder = SESSION_FOLDER / "pipelines" / name
        return str(folder if folder.is_dir() else build_omnigen2(folder))
    return str(build_pipeline(name, SESSION_FOLDER / "pipelines" / name))


@cache
def painter(name: str) -> DiffusersPainter:
    return DiffusersPainter(settings_for(name))


@cache
def editor(name: str) -> DiffusersEditor:
    return DiffusersEditor(settings_for(name))


@contextmanager
def called_with(player: CalledPipeline, **changed: object) -> Iterator[None]:
    """The same loaded pipeline, called as other settings say."""
    before = player.settings
    player.settings = before.model_copy(update=changed)
    try:
        yield
    finally:
        player.settings = before


@contextmanager
def calls_of(player: CalledPipeline) -> Iterator[list[dict[str, Any]]]:
    """What the pipeline is given; it works as always."""
    calls: list[dict[str, Any]] = []
    kind = type(player.pipeline)
    call = kind.__call__

    def recording(self: object, *args: object, **given: Any) -> Any:
        assert not args
        calls.append({name: list(one) if isinstance(one, list) else one for name, one in given.items()})
        return call(self, **given)

    with patch.object(kind, "__call__", recording):
        yield calls


def distance(first: Image.Image, second: Image.Image) -> int:
    """The largest difference of a pixel, in steps of 1/255."""
    assert first.size == second.size
    return int(np.abs(np.asarray(first, np.int16) - np.asarray(second, np.int16)).max())


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """A picture with soft random colors."""
    grid = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), dtype=np.uint8)
    return Image.fromarray(grid).resize((width, height))
