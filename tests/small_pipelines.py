"""Tiny pipelines of the very classes of diffusers, with random weights, saved as stock folders.

The sizes of their parts are those of diffusers' own tests, and their VAEs have the real ones' factors.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import (
    AutoencoderDC,
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2Transformer2DModel,
    FluxTransformer2DModel,
    OmniGenTransformer2DModel,
    PixArtTransformer2DModel,
    PRXTransformer2DModel,
    QwenImageTransformer2DModel,
    SanaTransformer2DModel,
    UNet2DConditionModel,
    ZImageTransformer2DModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    Gemma2Config,
    Gemma2Model,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from models.qwen_processor import Qwen2VLProcessor, Qwen2VLVideoProcessor
from tests.small_tokenizers import (
    CHATML,
    clip_tokenizer,
    gemma_tokenizer,
    llama_tokenizer,
    qwen_tokenizer,
    t5_tokenizer,
)

Parts = dict[str, Any]


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


def _clip(width: int = 32, projected: bool = False) -> Any:
    config = CLIPTextConfig(
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        hidden_size=width,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        vocab_size=600,
        projection_dim=32,
    )
    return CLIPTextModelWithProjection(config) if projected else CLIPTextModel(config)


def _t5() -> T5EncoderModel:
    return T5EncoderModel(
        T5Config(vocab_size=120, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, pad_token_id=0)
    )


def _kl(channels: int, factor: int = 8, **changed: Any) -> AutoencoderKL:
    blocks = factor.bit_length()
    return AutoencoderKL(
        block_out_channels=(8,) * blocks,
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        layers_per_block=1,
        latent_channels=channels,
        norm_num_groups=2,
        sample_size=32,
        **changed,
    )


def _unet(channels: int, width: int, **changed: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=32,
        in_channels=channels,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=width,
        norm_num_groups=2,
        **changed,
    )


def _stable_diffusion(channels: int = 4) -> Parts:
    return {
        "unet": _unet(channels, 32),
        "scheduler": DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
        ),
        "vae": _kl(4),
        "text_encoder": _clip(),
        "tokenizer": clip_tokenizer(),
        "safety_checker": None,
        "feature_extractor": None,
        "image_encoder": None,
    }


def _sdxl(channels: int = 4) -> Parts:
    unet = _unet(
        channels,
        64,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=80,  # 6 * 8 + 32
    )
    return {
        "unet": unet,
        "scheduler": EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
        ),
        "vae": _kl(4),
        "text_encoder": _clip(),
        "tokenizer": clip_tokenizer(),
        "text_encoder_2": _clip(projected=True),
        "tokenizer_2": clip_tokenizer(),
    }


def _qwen_vl() -> Qwen2_5_VLForConditionalGeneration:
    tokenizer = qwen_tokenizer()
    return Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config={
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 2,
                "vocab_size": len(tokenizer),
                "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
            },
            vision_config={
                "depth": 2,
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_heads": 2,
                "out_hidden_size": 16,
                "fullatt_block_indexes": [1],
            },
            image_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"),
            video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
            vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
            vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        )
    )


def _qwen_image() -> Parts:
    return {
        "transformer": QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=16,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=16,
            axes_dims_rope=(8, 4, 4),
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(),
        "vae": AutoencoderKLQwenImage(
            base_dim=8,
            z_dim=4,
            dim_mult=[1, 2, 2, 2],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ),
        "text_encoder": _qwen_vl(),
        "tokenizer": qwen_tokenizer(),
    }


def _qwen_edit() -> Parts:
    images = Qwen2VLImageProcessorPil(min_pixels=56 * 56, max_pixels=112 * 112)
    video = Qwen2VLVideoProcessor(**images.to_dict())
    return {
        **_qwen_image(),
        "processor": Qwen2VLProcessor(images, qwen_tokenizer(), video, chat_template=CHATML),
    }


def _flux() -> Parts:
    return {
        "transformer": FluxTransformer2DModel(
            in_channels=16,
            num_layers=2,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            guidance_embeds=True,
            axes_dims_rope=[4, 4, 8],
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(),
        "vae": _kl(4, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.06, scaling_factor=1.5),
        "text_encoder": _clip(),
        "tokenizer": clip_tokenizer(),
        "text_encoder_2": _t5(),
        "tokenizer_2": t5_tokenizer(),
        "image_encoder": None,
        "feature_extractor": None,
    }


def _qwen3(layers: int) -> Qwen3Config:
    return Qwen3Config(
        intermediate_size=16,
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        vocab_size=len(qwen_tokenizer()),
        max_position_embeddings=512,
    )


def _klein() -> Parts:
    return {
        "transformer": Flux2Transformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=2,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=48,
            timestep_guidance_channels=256,
            axes_dims_rope=[4, 4, 4, 4],
            guidance_embeds=False,
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(),
        "vae": AutoencoderKLFlux2(
            block_out_channels=(8,) * 4,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=2,
            use_quant_conv=False,
            use_post_quant_conv=False,
        ),
        "text_encoder": Qwen3ForCausalLM(_qwen3(27)),  # layers 9, 18 and 27 are read
        "tokenizer": qwen_tokenizer(),
    }


def _sana() -> Parts:
    return {
        "transformer": SanaTransformer2DModel(
            patch_size=1,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_attention_heads=2,
            attention_head_dim=4,
            num_cross_attention_heads=2,
            cross_attention_head_dim=4,
            cross_attention_dim=8,
            caption_channels=8,
            sample_size=32,
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
        "vae": AutoencoderDC(
            in_channels=3,
            latent_channels=4,
            attention_head_dim=2,
            encoder_block_types=("ResBlock",) * 6,
            decoder_block_types=("ResBlock",) * 6,
            encoder_block_out_channels=(8,) * 6,
            decoder_block_out_channels=(8,) * 6,
            encoder_qkv_multiscales=((),) * 6,
            decoder_qkv_multiscales=((),) * 6,
            encoder_layers_per_block=(1,) * 6,
            decoder_layers_per_block=(1,) * 6,
            downsample_block_type="conv",
            upsample_block_type="interpolate",
            decoder_norm_types="rms_norm",
            decoder_act_fns="silu",
            scaling_factor=0.41407,
        ),
        "text_encoder": Gemma2Model(
            Gemma2Config(
                head_dim=16,
                hidden_size=8,
                intermediate_size=64,
                num_attention_heads=2,
                num_hidden_layers=1,
                num_key_value_heads=2,
                vocab_size=len(gemma_tokenizer()),
                attn_implementation="eager",
            )
        ),
        "tokenizer": gemma_tokenizer(),
    }


def _pixart() -> Parts:
    return {
        "transformer": PixArtTransformer2DModel(
            sample_size=8,
            num_layers=2,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=3,
            caption_channels=32,
            in_channels=4,
            cross_attention_dim=24,
            out_channels=8,
            attention_bias=True,
            activation_fn="gelu-approximate",
            num_embeds_ada_norm=1000,
            norm_type="ada_norm_single",
            norm_elementwise_affine=False,
            norm_eps=1e-6,
        ),
        "scheduler": DDIMScheduler(clip_sample=False),
        "vae": _kl(4),
        "text_encoder": _t5(),
        "tokenizer": t5_tokenizer(),
    }


def _z_image() -> Parts:
    return {
        "transformer": ZImageTransformer2DModel(
            all_patch_size=(2,),
            all_f_patch_size=(1,),
            in_channels=4,
            dim=32,
            n_layers=2,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            norm_eps=1e-5,
            qk_norm=True,
            cap_feat_dim=16,
            rope_theta=256.0,
            t_scale=1000.0,
            axes_dims=[8, 4, 4],
            axes_lens=[1024, 32, 32],
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(),
        "vae": _kl(4, scaling_factor=0.3611, shift_factor=0.1159),
        "text_encoder": Qwen3Model(_qwen3(2)),
        "tokenizer": qwen_tokenizer(),
    }


def _prx() -> Parts:
    return {
        "transformer": PRXTransformer2DModel(
            in_channels=3,
            patch_size=8,
            context_in_dim=32,
            hidden_size=32,
            mlp_ratio=2.0,
            num_heads=2,
            depth=2,
            axes_dim=[8, 8],
            bottleneck_size=16,
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(),
        "text_encoder": _clip(),
        "tokenizer": clip_tokenizer(),
        "default_sample_size": 64,
        "prompt_max_tokens": 64,
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
        "vae": _kl(4),
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
    saved = {"transformer": transformer, "vae": _kl(4), "mllm": parts["text_encoder"]}
    for name, part in saved.items():
        _liven(part)
        part.save_pretrained(folder / name, safe_serialization=True)
    Shifting().save_pretrained(folder / "scheduler")
    parts["processor"].save_pretrained(folder / "processor")
    own = ["transformer_omnigen2", "OmniGen2Transformer2DModel"]
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "OmniGen2Pipeline", "transformer": own}))
    return folder


BUILDERS: dict[str, Callable[[], Parts]] = {
    "StableDiffusionPipeline": _stable_diffusion,
    "StableDiffusionXLPipeline": _sdxl,
    "QwenImagePipeline": _qwen_image,
    "FluxPipeline": _flux,
    "Flux2KleinPipeline": _klein,
    "SanaPipeline": _sana,
    "PixArtAlphaPipeline": _pixart,
    "PixArtSigmaPipeline": _pixart,
    "ZImagePipeline": _z_image,
    "PRXPixelPipeline": _prx,
    "StableDiffusionInstructPix2PixPipeline": lambda: _stable_diffusion(8),
    "StableDiffusionXLInstructPix2PixPipeline": lambda: _sdxl(8),
    "QwenImageEditPipeline": _qwen_edit,
    "QwenImageEditPlusPipeline": _qwen_edit,
    "FluxKontextPipeline": _flux,
    "OmniGenPipeline": _omnigen,
}
"""The parts of each pipeline, by its class."""
