"""Tokenizers of the very classes of the real models, made from nothing: one token a character or byte."""

import string
from typing import Any

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer, GemmaTokenizer, LlamaTokenizer, Qwen2Tokenizer, T5Tokenizer

BYTES = sorted(ByteLevel.alphabet())
LETTERS = ["▁", *string.ascii_letters, *string.digits, *string.punctuation]
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is defined and not enable_thinking %}"
    "<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
"""Qwen3's, as far as one turn of text needs it."""
QWEN_SPECIAL = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")


def clip_tokenizer() -> CLIPTokenizer:
    """A token a letter; 77 with the first and the last one."""
    pieces = ["<|startoftext|>", "<|endoftext|>", *BYTES, *(f"{one}</w>" for one in BYTES)]
    return CLIPTokenizer(vocab=_numbered(pieces), merges=[], model_max_length=77)


def t5_tokenizer() -> T5Tokenizer:
    """A token a letter, and one after the last."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    return T5Tokenizer(vocab=[*special, *((one, -1.0) for one in LETTERS)], extra_ids=0, model_max_length=512)


def qwen_tokenizer(chat_template: str = CHATML) -> Qwen2Tokenizer:
    """A token a byte, and Qwen's special tokens."""
    tokenizer = Qwen2Tokenizer(vocab=_numbered(["<|endoftext|>", *BYTES]), merges=[], chat_template=chat_template)
    tokenizer.add_special_tokens({"additional_special_tokens": list(QWEN_SPECIAL)})
    return tokenizer


def gemma_tokenizer() -> GemmaTokenizer:
    """A token a letter, and one before the first."""
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *LETTERS, "\n"]
    return GemmaTokenizer(vocab=_numbered(pieces), merges=[], add_bos_token=True)


def llama_tokenizer() -> LlamaTokenizer:
    """A token a letter, and one before the first."""
    return LlamaTokenizer(vocab=_numbered(["<unk>", "<s>", "</s>", *LETTERS, "\n"]), merges=[], add_bos_token=True)


def _numbered(pieces: list[str]) -> dict[str, Any]:
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
