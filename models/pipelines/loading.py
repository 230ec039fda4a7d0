"""Loads the pipelines of diffusers, and of worlds and packages that diffusers lacks, from folders and the hub.

No code is ever run from a model folder, and no pickle is read.
"""

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from models.locations import is_hub_name, read_description, resolve
from models.pipelines.families import class_name_of, find_family
from models.pipelines.family import PipelineFamily, Role
from models.pipelines.omnigen2 import FILES, OMNIGEN2, load_omnigen2
from models.pipelines.options import apply_options, quantization
from models.threads import fix_threads
from models.worlds import WORLDS
from viper.errors import ModelError
from viper.settings import DiffusionSettings


def load_pipeline(settings: DiffusionSettings, role: Role) -> Any:
    """A pipeline on its device, without progress bars, with the options of its settings.

    Args:
        settings: Where it lies, and its options.
        role: What it is to do.

    Raises:
        ModelError: A file is missing, the folder is no pipeline, or nobody told how to call it in this role.
    """
    fix_threads(settings.device)
    folder = _folder(settings)
    family = find_family(class_name_of(folder), role, settings.path)
    try:
        pipeline = _load(folder, family, settings)
        apply_options(pipeline, family, settings)
    except ModelError:
        raise
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(f"{settings.path} cannot be loaded as a diffusers pipeline: {error}") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _load(folder: Path, family: PipelineFamily, settings: DiffusionSettings) -> Any:
    import torch

    dtype, name = getattr(torch, settings.dtype), class_name_of(folder)
    check_packages(family)
    if family.package:
        return load_omnigen2(folder, dtype)
    given = {"processor": _qwen_processor(folder)} if family.qwen_processor else {}
    return pipeline_class(str(name)).from_pretrained(
        folder, dtype=dtype, use_safetensors=True, **quantization(settings, folder), **given
    )


def pipeline_class(name: str) -> Any:
    """The class that loads a pipeline: a world's own, or diffusers'."""
    import diffusers

    for world in WORLDS.values():
        if (own := world.pipeline_classes().get(name)) is not None:
            return own
    return getattr(diffusers, name)


def check_packages(family: PipelineFamily) -> None:
    """Make sure that what a family's pipeline needs beside diffusers can be imported.

    Raises:
        ModelError: It cannot; the message tells how to install it.
    """
    if family.needs and importlib.util.find_spec(family.needs) is None:
        raise ModelError(f"{family.name} needs {family.needs}, which is not installed: `pip install {family.needs}`.")
    if not family.package:
        return
    try:
        importlib.import_module(family.package)
    except ImportError as error:
        package = family.package.partition(".")[0]
        raise ModelError(
            f"{family.name} needs the package {package}, which cannot be imported: {error}. It is on no package index: "
            f"clone github.com/VectorSpaceLab/{family.name}, install what its README asks for, and put the clone on "
            "PYTHONPATH."
        ) from error


def _folder(settings: DiffusionSettings) -> Path:
    """The local folder of a pipeline; one of the hub is fetched into the hub's cache."""
    from diffusers import DiffusionPipeline
    from huggingface_hub import snapshot_download

    location = resolve(settings.path)
    if not is_hub_name(settings.path):
        return Path(location)
    try:
        index = read_description(settings.path, settings.revision, "model_index.json")
        if str(index.get("_class_name")) in OMNIGEN2:
            # Its index names code of its own, which diffusers would have to run.
            return Path(snapshot_download(location, revision=settings.revision, allow_patterns=FILES))
        return Path(DiffusionPipeline.download(location, revision=settings.revision, use_safetensors=True))
    except Exception as error:  # the hub, the network and the disk each have errors of their own
        raise ModelError(f"{settings.path} cannot be fetched: {error}") from error


def _qwen_processor(folder: Path) -> Any:
    """The project's own, so that pictures are read alike with and without torchvision."""
    from models.families import find_family
    from models.families.processors import load_processor_of

    return load_processor_of(find_family("qwen2_vl").parts(), str(folder / "processor"))
