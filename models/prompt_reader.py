"""What is known of prompts without weights: how they become the inputs of a model, and what pictures cost in them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from models.families.family import PHOTOGRAPH, Family
from models.families.prompts import read_prompts

if TYPE_CHECKING:
    from PIL.Image import Image
    from transformers import ProcessorMixin


@dataclass(frozen=True)
class Prompt:
    """A user turn: pictures in order, then text."""

    text: str
    images: tuple["Image", ...] = ()

    def messages(self) -> list[dict[str, Any]]:
        """The conversation as chat templates take it, images as placeholders."""
        content: list[dict[str, str]] = [{"type": "image"} for _ in self.images]
        return [{"role": "user", "content": [*content, {"type": "text", "text": self.text}]}]


class PromptReader:
    """Reads prompts as one model does, whoever generates.

    Args:
        family: Of the model.
        processor: Of the model.
        config: Of the model.
    """

    def __init__(self, family: Family, processor: "ProcessorMixin", config: Any) -> None:
        self.family, self.processor, self.config = family, processor, config

    @cached_property
    def processing(self) -> str:
        """What decides how prompts become inputs, 64 hex digits: models that agree in it can share what they read."""
        tokenizer = self.processor.tokenizer
        parts = [
            type(self.processor).__name__,
            self.processor.image_processor.to_json_string(),
            str(self.processor.chat_template),
            json.dumps(sorted(tokenizer.get_vocab().items())),
            json.dumps(sorted(map(str, tokenizer.added_tokens_decoder.items()))),
            str(self.config.image_token_id),
        ]
        return sha256("\0".join(parts).encode()).hexdigest()

    @property
    def photograph_tokens(self) -> int:
        """Tokens that a photograph of 12 megapixels, 4,000 x 3,000 pixels, costs in a prompt."""
        return self.family.picture_tokens(self.processor, *PHOTOGRAPH)

    def read(self, prompts: Sequence[Prompt]) -> Any:
        """Left-padded model inputs of a batch, on the CPU.

        Raises:
            ModelError: A prompt does not hold as many image tokens as its pictures have features.
        """
        texts = [self.processor.apply_chat_template(p.messages(), add_generation_prompt=True) for p in prompts]
        return read_prompts(self.family, self.processor, self.config, texts, [p.images for p in prompts])
