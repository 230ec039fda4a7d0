"""What settings do to a loaded pipeline: memory and speed, each by diffusers' own means."""

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.locations import resolve
from models.pipelines.family import PipelineFamily
from viper.errors import ModelError
from viper.settings import DiffusionSettings


def check_quantization(settings: DiffusionSettings) -> None:
    """Make sure that the package which quantizes is installed.

    Raises:
        ModelError: It is not.
    """
    if settings.quantization == "none":
        return
    if importlib.util.find_spec("torchao") is None:
        raise ModelError(
            f"The quantization {settings.quantization!r} of {settings.path} needs the package torchao. Install it with "
            '`pip install torchao`, or set quantization to "none".'
        )


def quantization(settings: DiffusionSettings, folder: Path) -> dict[str, Any]:
    """The arguments of ``from_pretrained`` that quantize the components which the settings name.

    Args:
        settings: Which components, and how.
        folder: Of the pipeline; its ``model_index.json`` names the library of each component.

    Raises:
        ModelError: The package is not installed, or there is no such component.
    """
    if settings.quantization == "none":
        return {}
    import diffusers
    import transformers

    check_quantization(settings)
    from torchao.quantization import Int8WeightOnlyConfig

    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    here = {name: part[0] for name, part in index.items() if isinstance(part, list) and part[0] is not None}
    _need(list(here), settings.quantized_components, settings)
    kinds = {"diffusers": diffusers.TorchAoConfig, "transformers": transformers.TorchAoConfig}
    mapping = {name: kinds[here[name]](Int8WeightOnlyConfig()) for name in settings.quantized_components}
    return {"quantization_config": diffusers.PipelineQuantizationConfig(quant_mapping=mapping)}


def apply_options(pipeline: Any, family: PipelineFamily, settings: DiffusionSettings) -> None:
    """Few-step weights and scheduler, VAE in parts, the cache; then onto the device, wholly or component by component.

    Raises:
        ModelError: The pipeline lacks what an option needs.
    """
    if settings.lora:
        _load_lora(pipeline, family, settings)
    if settings.scheduler:
        pipeline.scheduler = _scheduler(pipeline.scheduler, settings)
    if settings.vae_tiling or settings.vae_slicing:
        _need([name for name, part in pipeline.components.items() if part is not None], ("vae",), settings)
    if settings.vae_tiling:
        pipeline.vae.enable_tiling()
    if settings.vae_slicing:
        pipeline.vae.enable_slicing()
    if settings.cache_threshold > 0:
        _cache(pipeline, family, settings)
    if settings.offload:
        pipeline.enable_model_cpu_offload(device=settings.device)
    else:
        pipeline.to(settings.device)


def _need(here: Sequence[str], names: Sequence[str], settings: DiffusionSettings) -> None:
    if missing := [name for name in names if name not in here]:
        raise ModelError(f"{settings.path} has no component {missing[0]!r}. It has: {', '.join(here)}.")


def _load_lora(pipeline: Any, family: PipelineFamily, settings: DiffusionSettings) -> None:
    if not hasattr(pipeline, "load_lora_weights"):
        raise ModelError(f"{family.name} takes no lora. Leave lora of {settings.path} out.")
    where = {"weight_name": settings.lora_file, "revision": settings.lora_revision, "use_safetensors": True}
    pipeline.load_lora_weights(resolve(settings.lora), **where)
    if not pipeline.get_active_adapters():  # diffusers says so in a log only
        raise ModelError(f"{settings.lora_file} of {settings.lora} has no weight for a layer of {settings.path}.")


def _scheduler(scheduler: Any, settings: DiffusionSettings) -> Any:
    known = [name for name in scheduler.config if not name.startswith("_")]
    unknown = [name for name in settings.scheduler if name not in known]
    if unknown:
        raise ModelError(
            f"The scheduler of {settings.path}, {type(scheduler).__name__}, has no {unknown[0]!r}. It has: "
            f"{', '.join(known)}."
        )
    return type(scheduler).from_config(scheduler.config, **settings.scheduler)


def _cache(pipeline: Any, family: PipelineFamily, settings: DiffusionSettings) -> None:
    from diffusers import FirstBlockCacheConfig

    if not family.caches:
        raise ModelError(f"{family.name} cannot skip steps. Set cache_threshold of {settings.path} to 0.")
    pipeline.transformer.enable_cache(FirstBlockCacheConfig(threshold=settings.cache_threshold))
