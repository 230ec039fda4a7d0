"""Tiny pipelines of the very classes of diffusers, with random weights, saved as stock folders."""

import json
from collections.abc import Callable
from pathlib import Path

import diffusers
import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    OmniGenTransformer2DModel,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from models.families import find_family
from models.families.processors import make_processor
from tests.small_painters import Parts, flux, klein, pixart, prx, qwen_image, sana, sdxl, stable_diffusion, z_image
from tests.small_parts import kl
from tests.small_tokenizers import (
    CHATML,
    llama_tokenizer,
    qwen_tokenizer,
)


def build_pipeline(name: str, folder: Path) -> Path:
    """The folder of a tiny pipeline of this class, built at the first call."""
    if not folder.is_dir():
        torch.manual_seed(0)
        parts = BUILDERS[name]()
        for part in parts.values():
            if isinstance(part, torch.nn.Module):
                _liven(part)
        getattr(diffusers, name)(**parts).save_pretrained(folder, safe_serialization=True)
        index = json.loads((folder / "model_index.json").read_text())
        if "processor" in parts:  # its class is ours, and has the stock name
            index["processor"] = ["transformers", "Qwen2VLProcessor"]
        (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    return folder


def _liven(module: torch.nn.Module) -> None:
    """Weights as large as those of trained models, and none that are zero or were never set, so that texts count."""
    for name, weight in module.named_parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=(weight[0].numel()) ** -0.5)
        elif "norm" not in name:
            torch.nn.init.normal_(weight, std=0.1)
    module.eval()


def _qwen_edit() -> Parts:
    images = Qwen2VLImageProcessorPil(min_pixels=56 * 56, max_pixels=112 * 112)
    parts = find_family("qwen2_vl").parts()
    return {
        **qwen_image(),
        "processor": make_processor(parts, qwen_tokenizer(), images, chat_template=CHATML),
    }


def _omnigen() -> Parts:
    return {
        "transformer": OmniGenTransformer2DModel(
            hidden_size=16,
            num_attention_heads=4,
            num_key_value_heads=4,
            intermediate_size=32,
            num_layers=1,
            in_channels=4,
            time_step_dim=4,
            vocab_size=len(llama_tokenizer()),
            pad_token_id=0,
            rope_scaling={"long_factor": [1, 2], "short_factor": [1, 2]},
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(invert_sigmas=True, num_train_timesteps=1),
        "vae": kl(4),
        "tokenizer": llama_tokenizer(),
    }


def build_omnigen2(folder: Path) -> Path:
    """The folder of a tiny OmniGen2, as on the hub; needs its package."""
    from omnigen2.models.transformers import OmniGen2Transformer2DModel
    from omnigen2.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler as Shifting

    torch.manual_seed(0)
    parts = _qwen_edit()
    transformer = OmniGen2Transformer2DModel(
        in_channels=4,
        hidden_size=48,
        num_layers=2,
        num_refiner_layers=1,
        num_attention_heads=2,
        num_kv_heads=1,
        multiple_of=8,
        axes_dim_rope=(8, 8, 8),
        axes_lens=(2048, 2048, 2048),
        text_feat_dim=16,
    )
    saved = {"transformer": transformer, "vae": kl(4), "mllm": parts["text_encoder"]}
    for name, part in saved.items():
        _liven(part)
        part.save_pretrained(folder / name, safe_serialization=True)
    Shifting().save_pretrained(folder / "scheduler")
    parts["processor"].save_pretrained(folder / "processor")
    own = ["transformer_omnigen2", "OmniGen2Transformer2DModel"]
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "OmniGen2Pipeline", "transformer": own}))
    return folder


BUILDERS: dict[str, Callable[[], Parts]] = {
    "StableDiffusionPipeline": stable_diffusion,
    "StableDiffusionXLPipeline": sdxl,
    "QwenImagePipeline": qwen_image,
    "FluxPipeline": flux,
    "Flux2KleinPipeline": klein,
    "SanaPipeline": sana,
    "PixArtAlphaPipeline": pixart,
    "PixArtSigmaPipeline": pixart,
    "ZImagePipeline": z_image,
    "PRXPixelPipeline": prx,
    "StableDiffusionInstructPix2PixPipeline": lambda: stable_diffusion(8),
    "StableDiffusionXLInstructPix2PixPipeline": lambda: sdxl(8),
    "QwenImageEditPipeline": _qwen_edit,
    "QwenImageEditPlusPipeline": _qwen_edit,
    "FluxKontextPipeline": flux,
    "OmniGenPipeline": _omnigen,
}
"""The parts of each pipeline, by its class."""
