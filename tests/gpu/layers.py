"""Random Qwen2.5-VL models with the layers of the published ones, as stock folders: for times and memory, not words."""

from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from models.families import find_family
from models.families.processors import make_processor
from models.worlds.shapes.tokenizer import END, PAD, make_tokenizer
from models.worlds.shapes.vlm import CHAT_TEMPLATE

TEXT: dict[str, dict[str, Any]] = {
    "tiny": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
    "3b": {
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
    },
    "7b": {
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    },
}
VISION: dict[str, dict[str, Any]] = {
    "tiny": {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "fullatt_block_indexes": [1]},
    "3b": {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16},
    "7b": {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16},
}
SECTIONS = {"tiny": [2, 3, 3], "3b": [16, 24, 24], "7b": [16, 24, 24]}
VOCABULARY = {"tiny": 512, "3b": 151_936, "7b": 152_064}


def save_random(size: str, folder: Path, device: str, layers: int = 0) -> None:
    """Write a model of random weights in bfloat16.

    Args:
        size: ``tiny``, or with the layers of ``3b`` or ``7b``.
        folder: Where to write.
        device: Where the weights are drawn.
        layers: How many the language model has; 0 for as many as the real one.
    """
    tokenizer = make_tokenizer()
    ids = tokenizer.convert_tokens_to_ids
    tied = size != "7b"
    config = Qwen2_5_VLConfig(
        text_config={
            **TEXT[size],
            **({"num_hidden_layers": layers} if layers else {}),
            "vocab_size": VOCABULARY[size],
            "max_position_embeddings": 32_768,
            "tie_word_embeddings": tied,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": SECTIONS[size]},
            "bos_token_id": ids(PAD),
            "eos_token_id": ids(END),
            "pad_token_id": ids(PAD),
        },
        vision_config={**VISION[size], "out_hidden_size": TEXT[size]["hidden_size"], "patch_size": 14},
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=tied,
    )
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = Qwen2_5_VLForConditionalGeneration(config)
    finally:
        torch.set_default_dtype(before)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.chat_template = CHAT_TEMPLATE
    images = Qwen2VLImageProcessorPil(size={"shortest_edge": 56 * 56, "longest_edge": 1280 * 28 * 28})
    parts = find_family("qwen2_5_vl").parts()
    make_processor(parts, tokenizer, images, chat_template=CHAT_TEMPLATE).save_pretrained(folder)
