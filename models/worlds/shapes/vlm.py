"""The embedded VLM itself: a Qwen2.5-VL of 1.2 million parameters, and its stock folder."""

from pathlib import Path

from transformers import PreTrainedTokenizerFast, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from models.worlds.shapes.scene import IMAGE_PX
from models.worlds.shapes.tokenizer import END, PAD

PATCH_PX = 8


def make_vlm(tokenizer: PreTrainedTokenizerFast) -> Qwen2_5_VLForConditionalGeneration:
    """An untrained model: text 6 x 128, vision 2 x 64, patch 8, merge 2, so nine tokens an image."""
    ids = tokenizer.convert_tokens_to_ids
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "max_position_embeddings": 512,
            "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]},
            "bos_token_id": ids(PAD),
            "eos_token_id": ids(END),
            "pad_token_id": ids(PAD),
        },
        vision_config={
            "depth": 2,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_heads": 4,
            "out_hidden_size": 128,
            "patch_size": PATCH_PX,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": IMAGE_PX,
            "fullatt_block_indexes": [0, 1],
        },
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    return Qwen2_5_VLForConditionalGeneration(config)


CHAT_TEMPLATE = (
    "{%- for message in messages -%}{{ '<|im_start|>' + message['role'] }}"
    "{%- if message['content'] is string -%}{{ message['content'] }}"
    "{%- else -%}{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>"
    "{%- else -%}{{ part['text'] }}{%- endif -%}{%- endfor -%}{%- endif -%}<|im_end|>{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|im_start|>assistant{%- endif -%}"
)
"""Qwen's chat form without its line breaks, for which the world has no token."""


def save_vlm(vlm: Qwen2_5_VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a stock folder, which plain transformers loads: weights, tokenizer, processor, chat template."""
    from models.families import find_family
    from models.families.processors import make_processor

    tokenizer.chat_template = CHAT_TEMPLATE
    parts = find_family(vlm.config.model_type).parts()
    images = parts.images(
        patch_size=PATCH_PX,
        temporal_patch_size=2,
        merge_size=2,
        size={"shortest_edge": IMAGE_PX**2, "longest_edge": IMAGE_PX**2},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    vlm.generation_config.pad_token_id = tokenizer.pad_token_id
    vlm.generation_config.eos_token_id = tokenizer.eos_token_id
    vlm.save_pretrained(folder, safe_serialization=True)
    make_processor(parts, tokenizer, images, chat_template=CHAT_TEMPLATE).save_pretrained(folder)
