"""What settings do to a loaded pipeline: memory and speed, each by diffusers' own means."""

import importlib.util
from collections.abc import Mapping
from typing import Any

from models.locations import resolve
from models.pipelines.family import PipelineFamily
from viper.errors import ModelError
from viper.settings import DiffusionSettings

QUANTIZATIONS: Mapping[str, tuple[str, str]] = {
    "bitsandbytes-8bit": ("bitsandbytes", "bitsandbytes_8bit"),
    "bitsandbytes-4bit": ("bitsandbytes", "bitsandbytes_4bit"),
    "torchao-int8": ("torchao", "torchao"),
}
"""By the name in settings: the package that it needs, and diffusers' name of the backend."""


def check_quantization(settings: DiffusionSettings) -> None:
    """Make sure that the package which quantizes is installed.

    Raises:
        ModelError: It is not.
    """
    if settings.quantization == "none":
        return
    package, _ = QUANTIZATIONS[settings.quantization]
    if importlib.util.find_spec(package) is None:
        raise ModelError(
            f"The quantization {settings.quantization!r} of {settings.path} needs the package {package}. Install it "
            f'with `pip install {package}`, or set quantization to "none".'
        )


def quantization(settings: DiffusionSettings) -> dict[str, Any]:
    """The arguments of ``from_pretrained`` that quantize the components which the settings name.

    Raises:
        ModelError: The package is not installed.
    """
    if settings.quantization == "none":
        return {}
    from diffusers import PipelineQuantizationConfig

    check_quantization(settings)
    _, backend = QUANTIZATIONS[settings.quantization]
    config = PipelineQuantizationConfig(
        quant_backend=backend,
        quant_kwargs=_arguments(settings),
        components_to_quantize=list(settings.quantized_components),
    )
    return {"quantization_config": config}


def _arguments(settings: DiffusionSettings) -> dict[str, Any]:
    import torch

    match settings.quantization:
        case "bitsandbytes-8bit":
            return {"load_in_8bit": True}
        case "bitsandbytes-4bit":
            return {
                "load_in_4bit": True,
                "bnb_4bit_quant_type": "nf4",
                "bnb_4bit_compute_dtype": getattr(torch, settings.dtype),
            }
    from torchao.quantization import Int8WeightOnlyConfig

    return {"quant_type": Int8WeightOnlyConfig()}


def apply_options(pipeline: Any, family: PipelineFamily, settings: DiffusionSettings) -> None:
    """Few-step weights and scheduler, VAE in parts, the cache; then onto the device, wholly or component by component.

    Raises:
        ModelError: The pipeline lacks what an option needs.
    """
    if settings.quantization != "none":
        _need(pipeline, settings.quantized_components, settings)
    if settings.lora:
        _load_lora(pipeline, family, settings)
    if settings.scheduler:
        pipeline.scheduler = _scheduler(pipeline.scheduler, settings)
    if settings.vae_tiling or settings.vae_slicing:
        _need(pipeline, ("vae",), settings)
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


def _need(pipeline: Any, names: tuple[str, ...], settings: DiffusionSettings) -> None:
    here = [name for name, one in pipeline.components.items() if one is not None]
    missing = [name for name in names if name not in here]
    if missing:
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
