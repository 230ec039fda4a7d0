"""Bytes that a painter, an editor or a judge holds at its peak. The activations are estimates."""

import math
from pathlib import Path

from models.sizes.descriptions import Description, file_bytes
from models.sizes.memory import Parts
from models.sizes.weights import BYTES, Component, on_meta
from viper.records import Record
from viper.settings import DiffusionSettings

TEXT_TOKENS = 512
"""Of a caption, as transformers that paint read it beside the picture."""
TILE_PX = 512
"""Side of a tile where a picture is decoded tile by tile."""
LIKE_LAYERS = 12
"""Numbers of a token that one layer holds at once, in multiples of its width: input, queries, keys, values, output,
and an MLP of four times the width before and after its activation."""
_LEVELS = ("dim_mult", "block_out_channels", "decoder_block_out_channels")
"""What a decoder calls its levels, each of which doubles the side."""


class PainterShape(Record):
    """What of a pipeline decides its memory and its time."""

    parameters: int
    """Of the transformer or U-Net that is called at every step."""
    width: int
    """Numbers of a token in it."""
    layers: int
    pixels_a_token: int
    """Side of the square of pixels that becomes one of its tokens."""
    decoder_channels: int
    """Of the decoder's last layers, which work at the size of the picture; 0 where there is no decoder."""


def painter_shape(described: Description, parts: tuple[Component, ...]) -> PainterShape:
    """The shape of a pipeline, read off the descriptions of its denoiser and its decoder."""
    name = "transformer" if any(part.name == "transformer" for part in parts) else "unet"
    config, vae = described.read(f"{name}/config.json"), described.read("vae/config.json")
    heads, each = config.get("num_attention_heads", 0), config.get("attention_head_dim", 0)
    channels, patch = config.get("block_out_channels", [0]), config.get("patch_size", 1)
    named = config.get("hidden_size") or config.get("dim")
    width = named or (heads * each if isinstance(heads, int) and isinstance(each, int) else 0)
    levels = next((vae[key] for key in _LEVELS if key in vae), [0])
    # FLUX packs 2 x 2 latents of 16 channels into a token before its transformer is called.
    packed = 2 if vae and patch == 1 and config.get("in_channels") == 4 * (config.get("out_channels") or 16) else 1
    return PainterShape(
        parameters=next((part.parameters for part in parts if part.name == name), 0),
        width=width or max(channels),
        layers=config.get("num_layers") or config.get("depth") or 2 * len(channels),
        pixels_a_token=2 ** (len(levels) - 1) * max(packed, patch if isinstance(patch, int) else 1),
        decoder_channels=vae.get("base_dim") or levels[0],
    )


def pipeline_memory(
    settings: DiffusionSettings, parts: tuple[Component, ...], shape: PainterShape, batch: int
) -> Parts:
    """A pipeline that paints a batch.

    Args:
        settings: How it is called.
        parts: Its components.
        shape: Of its denoiser and decoder.
        batch: Pictures a pass.
    """
    width = BYTES[settings.dtype]
    sizes = [_held(settings, part, width) for part in parts]
    tokens = batch * ((settings.side_px // shape.pixels_a_token) ** 2 + TEXT_TOKENS)
    denoising = tokens * LIKE_LAYERS * shape.width * width
    side = min(settings.side_px, TILE_PX) if settings.vae_tiling else settings.side_px
    decoding = (1 if settings.vae_slicing else batch) * side**2 * shape.decoder_channels * width * 6
    lora = file_bytes(settings.lora, settings.lora_file) if settings.lora else 0
    return Parts(weights=(max(sizes) if settings.offload else sum(sizes)) + lora, activations=max(denoising, decoding))


def _held(settings: DiffusionSettings, part: Component, width: int) -> int:
    quantized = settings.quantization != "none" and part.name in settings.quantized_components
    return part.parameters * (1 if quantized else width)


def judge_memory(folder: Path, parameters: int, pictures: int) -> Parts:
    """A judge by features, in 32 bits, that looks at so many pictures at once."""
    config = on_meta(folder).config
    side, patch = 224, getattr(config, "patch_size", 16)
    tokens = pictures * (math.ceil(side / patch) ** 2 + 1)
    return Parts(
        weights=parameters * 4,
        activations=(tokens * LIKE_LAYERS * config.hidden_size + pictures * 3 * side**2) * 4,
    )
