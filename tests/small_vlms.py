"""Small models of random weights of the real classes, each saved as the stock folder of its kind.

A folder holds what a folder on the hub does: configuration, weights, a fast tokenizer with the kind's own tokens, a
chat template in the kind's own form, and the real processor's settings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL.Image import Image, fromarray
from transformers import PreTrainedTokenizerFast

from models.families import find_family
from models.families.processors import make_processor
from viper.settings import VlmSettings

SIDE = 32
"""Width and height of what a vision tower sees at once, in pixels; patches have 8, so it sees 16 of them."""
CORPUS = [
    "describe the image. what was changed from the first picture to the second?",
    "the top left holds a large red ring. the object at the bottom right is blue, not green. nothing to correct.",
]


def _tokenizer(specials: list[str], end: str, bos: str = "", **named: str) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer that is trained here; one with ``bos`` puts it before every text, as Llama's do."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    names = list(dict.fromkeys(["<pad>", end, *filter(None, [bos]), *specials, *named.values()]))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=340, special_tokens=names, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(CORPUS, trainer)
    if bos:
        backend.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, backend.token_to_id(bos))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token=end,
        bos_token=bos or None,
        additional_special_tokens=[one for one in specials if one not in named.values()],
        **({"extra_special_tokens": named} if named else {}),
    )


def _text(tokenizer: PreTrainedTokenizerFast, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        **more,
    }


_VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
_TOWER = {**_VISION, "image_size": SIDE, "patch_size": 8}
_HALF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
_CHATML = (
    "{%- for message in messages -%}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{%- if message['content'] is string -%}{{ message['content'] }}"
    "{%- else -%}{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' -%}PICTURE{%- else -%}{{ part['text'] }}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}{{ '<|im_end|>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)
_IDEFICS = (
    "OPENING{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'] is not string and message['content'][0]['type'] == 'image' %}{{ ':' }}"
    "{% else %}{{ ': ' }}{% endif %}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}{% endif %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
_GEMMA = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for item in message['content'] %}"
    "{% if item['type'] == 'image' %}{{ '<start_of_image>' }}{% else %}{{ item['text'] | trim }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)


@dataclass(frozen=True)
class Small:
    """What a folder is saved from."""

    model: Any
    tokenizer: PreTrainedTokenizerFast
    images: dict[str, Any]
    template: str
    options: dict[str, Any]


def _qwen(config: type, model: type, text: dict[str, Any], vision: dict[str, Any], patch: int, **rope: Any) -> Small:
    named = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    fields = ["vision_start_token_id", "vision_end_token_id", "image_token_id", "video_token_id"]
    tokenizer = _tokenizer(["<|im_start|>", *named], "<|im_end|>")
    tokens = dict(zip(fields, tokenizer.convert_tokens_to_ids(named), strict=True))
    rope = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3], **rope}}
    settings = config(text_config=_text(tokenizer, **rope, **text), vision_config=vision, **tokens)
    images = {"patch_size": patch, "size": {"shortest_edge": 32 * 32, "longest_edge": 64 * 64}, **_HALF}
    template = _CHATML.replace("PICTURE", "<|vision_start|><|image_pad|><|vision_end|>")
    return Small(model(settings), tokenizer, images, template, {})


def qwen2_vl() -> Small:
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    vision = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2, "patch_size": 8}
    return _qwen(Qwen2VLConfig, Qwen2VLForConditionalGeneration, {}, vision, 8)


def qwen2_5_vl() -> Small:
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32}
    vision |= {"patch_size": 8, "window_size": 32, "fullatt_block_indexes": [1]}
    return _qwen(Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, {}, vision, 8)


def qwen3_vl() -> Small:
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    vision = {"depth": 3, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32}
    vision |= {"patch_size": 8, "num_position_embeddings": 16, "deepstack_visual_indexes": [0, 1]}
    text = {"head_dim": 16, "num_hidden_layers": 3}
    return _qwen(Qwen3VLConfig, Qwen3VLForConditionalGeneration, text, vision, 8, mrope_interleaved=True)


def internvl() -> Small:
    from transformers import InternVLConfig, InternVLForConditionalGeneration

    named = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>"}
    tokenizer = _tokenizer(["<|im_start|>"], "<|im_end|>", **named, video_token="<video>")
    vision = {**_VISION, "image_size": [SIDE, SIDE], "patch_size": [8, 8]}
    text = _text(tokenizer, model_type="qwen2")
    token = tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>")
    config = InternVLConfig(
        text_config=text, vision_config=vision, image_token_id=token, image_seq_length=4, tie_word_embeddings=False
    )
    images = {"size": {"height": SIDE, "width": SIDE}, "crop_to_patches": True, "max_patches": 4, **_HALF}
    template = _CHATML.replace("PICTURE", "<IMG_CONTEXT>\n")
    return Small(InternVLForConditionalGeneration(config), tokenizer, images, template, {"image_seq_length": 4})


def llava_onevision() -> Small:
    from transformers import LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration

    tokenizer = _tokenizer(["<|im_start|>", "<image>", "<video>"], "<|im_end|>")
    pinpoints = [[SIDE * rows, SIDE * columns] for rows in (1, 2) for columns in (1, 2)]
    config = LlavaOnevisionConfig(
        text_config=_text(tokenizer, model_type="qwen2"),
        vision_config={**_TOWER, "model_type": "siglip_vision_model", "vision_use_head": False},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=pinpoints,
    )
    images = {"size": {"height": SIDE, "width": SIDE}, "image_grid_pinpoints": pinpoints, **_HALF}
    options = {"num_image_tokens": 16, "vision_feature_select_strategy": "full"}
    template = _CHATML.replace("PICTURE", "<image>\n")
    return Small(LlavaOnevisionForConditionalGeneration(config), tokenizer, images, template, options)


def _idefics(config: type, model: type, bos: str) -> Small:
    specials = ["<fake_token_around_image>", "<image>", "<global-img>"]
    specials += [f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)]
    tokenizer = _tokenizer(specials, "<end_of_utterance>", bos)
    text = _text(tokenizer, model_type="llama")
    token = tokenizer.convert_tokens_to_ids("<image>")
    settings = config(text_config=text, vision_config=_TOWER, image_token_id=token, scale_factor=2)
    images = {"size": {"longest_edge": 2 * SIDE}, "max_image_size": {"longest_edge": SIDE}, **_HALF}
    return Small(model(settings), tokenizer, images, _IDEFICS.replace("OPENING", bos), {"image_seq_len": 4})


def idefics3() -> Small:
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration

    return _idefics(Idefics3Config, Idefics3ForConditionalGeneration, "<|begin_of_text|>")


def smolvlm() -> Small:
    from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration

    return _idefics(SmolVLMConfig, SmolVLMForConditionalGeneration, "<|im_start|>")


def gemma3() -> Small:
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    named = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    tokenizer = _tokenizer(["<start_of_turn>"], "<end_of_turn>", "<bos>", **named)
    ids = tokenizer.convert_tokens_to_ids
    config = Gemma3Config(
        text_config=_text(
            tokenizer, head_dim=16, query_pre_attn_scalar=16, sliding_window=24, sliding_window_pattern=2
        ),
        vision_config={**_TOWER, "vision_use_head": False},
        mm_tokens_per_image=4,
        boi_token_index=ids("<start_of_image>"),
        eoi_token_index=ids("<end_of_image>"),
        image_token_index=ids("<image_soft_token>"),
    )
    images = {"size": {"height": SIDE, "width": SIDE}, **_HALF}
    model = Gemma3ForConditionalGeneration(config)
    # Zero at first: the model would be blind, and nothing that is wrong with pictures would show.
    torch.nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight, std=0.2)
    return Small(model, tokenizer, images, _GEMMA, {"image_seq_length": 4})


SMALL: dict[str, Callable[[], Small]] = {
    "qwen2_vl": qwen2_vl,
    "qwen2_5_vl": qwen2_5_vl,
    "qwen3_vl": qwen3_vl,
    "internvl": internvl,
    "llava_onevision": llava_onevision,
    "idefics3": idefics3,
    "smolvlm": smolvlm,
    "gemma3": gemma3,
}
"""Model type, as ``config.json`` names it, to a small model."""


def save_small(kind: str, folder: Path) -> Path:
    """Write the stock folder of a small model of random weights, the same whenever it is called."""
    torch.manual_seed(0)
    small = SMALL[kind]()
    parts = find_family(kind).parts()
    images = parts.images(**small.images)
    small.model.generation_config.pad_token_id = small.tokenizer.pad_token_id
    small.model.generation_config.eos_token_id = small.tokenizer.eos_token_id
    small.model.save_pretrained(folder)
    small.tokenizer.chat_template = small.template
    processor = make_processor(parts, small.tokenizer, images, chat_template=small.template, **small.options)
    processor.save_pretrained(folder)
    return folder


def picture(width: int, height: int, seed: int = 0) -> Image:
    """Noise of this size."""
    pixels = np.random.default_rng((seed, width, height)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return fromarray(pixels)


def settings_of(folder: Path | str) -> VlmSettings:
    """A folder as the base of a profile, on the CPU."""
    return VlmSettings(path=str(folder), dtype="float32", device="cpu")
