"""Loads OmniGen2 part by part: its folder names code of its own, which is never run; its package has the classes."""

import importlib
from pathlib import Path
from typing import Any

PACKAGE = "omnigen2"
OMNIGEN2 = ("OmniGen2Pipeline",)
FILES = ["model_index.json", "*/*.json", "*/*.safetensors", "*/*.txt", "*/*.jinja"]
"""What of a folder on the hub is fetched."""


def load_omnigen2(folder: Path, dtype: Any) -> Any:
    """The pipeline of a folder, on the CPU.

    Args:
        folder: With ``transformer``, ``vae``, ``scheduler``, ``mllm`` and ``processor``.
        dtype: Number format of the weights.

    Raises:
        Exception: Whatever the libraries raise for a part that is missing or damaged.
    """
    from diffusers import AutoencoderKL
    from transformers import Qwen2_5_VLForConditionalGeneration

    from models.families import find_family
    from models.families.processors import load_processor_of

    pipelines = importlib.import_module(f"{PACKAGE}.pipelines.omnigen2.pipeline_omnigen2")
    transformers = importlib.import_module(f"{PACKAGE}.models.transformers")
    schedulers = importlib.import_module(f"{PACKAGE}.schedulers.scheduling_flow_match_euler_discrete")
    weights = {"use_safetensors": True}
    return pipelines.OmniGen2Pipeline(
        transformer=transformers.OmniGen2Transformer2DModel.from_pretrained(
            folder / "transformer", torch_dtype=dtype, **weights
        ),
        vae=AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=dtype, **weights),
        scheduler=schedulers.FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler"),
        mllm=Qwen2_5_VLForConditionalGeneration.from_pretrained(folder / "mllm", dtype=dtype, **weights),
        processor=load_processor_of(find_family("qwen2_5_vl").parts(), str(folder / "processor")),
    )
