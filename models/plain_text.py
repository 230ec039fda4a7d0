"""Texts of others stay texts: what is written like a special token in a question or a caption never becomes one.

A chat template joins its own tokens with the texts of a conversation, and a tokenizer then finds tokens in the whole.
So ``What does the token <|image_pad|> mean?`` would ask for a picture, and ``<|im_end|>`` in a caption would end the
turn. transformers can mark what stands in the texts of a conversation, and encode it as the characters that it is; here
every processor does so, whoever calls it: synthesis, benchmarks, and the trainers of TRL.

A prompt without such a text takes the processor's own way, and has the ids that it always had.
"""

import re
from typing import Any

from transformers.utils.chat_template_utils import mark_control_tokens

_MARK, _, _END = mark_control_tokens("a", re.compile("a"))
"""What transformers puts before and behind a marked text."""
_MARKED = re.compile(f"{_MARK}.*?{_END}", re.DOTALL)


def keep_texts_plain(processor: Any) -> None:
    """Let a processor of images and text take special tokens from its chat template alone."""
    kind = type(processor)
    # transformers writes the name of the class into what it saves: it stays the stock one.
    names: dict[str, Any] = {"__module__": kind.__module__, "__doc__": kind.__doc__, "_matchers": {}}
    processor.__class__ = type(kind.__name__, (_PlainText, kind), names)
    if (places := getattr(processor, "multimodal_pattern", None)) is not None:  # InternVL counts them once more
        processor.multimodal_pattern = re.compile(f"(?<!{_MARK})(?:{places.pattern})")


def without_special(processor: Any, text: str) -> str:
    """The text with a blank in what would be a special token, for whoever reads it with another program.

    Args:
        processor: As ``keep_texts_plain`` left it.
        text: Of others.
    """
    found: str = processor.special_in_texts().sub(lambda match: f"{match[0][:1]} {match[0][1:]}", text)
    return found


class _PlainText:
    """Mixed in before a processor."""

    tokenizer: Any
    chat_template: Any
    _matchers: dict[tuple[str, int], re.Pattern[str]]
    """By template and number of tokens. A processor may have thousands of them, and is asked prompt by prompt."""

    def apply_chat_template(self, conversation: Any, chat_template: str | None = None, **kwargs: Any) -> Any:
        marked = mark_control_tokens(conversation, self.special_in_texts(chat_template))
        return super().apply_chat_template(marked, chat_template, **kwargs)  # type: ignore[misc]

    def special_in_texts(self, chat_template: str | None = None) -> re.Pattern[str]:
        """Matches what would become a special token in the texts of a conversation."""
        template = chat_template or self.chat_template
        known = (str(template), len(self.tokenizer))
        if known not in self._matchers:
            self._matchers[known] = self._special(str(template))
        return self._matchers[known]

    def __call__(self, images: Any = None, text: Any = None, **kwargs: Any) -> Any:
        texts = [text] if isinstance(text, str) else text
        if texts and (bos := self.tokenizer.bos_token) and all(one.startswith(bos) for one in texts):
            # The template wrote it. Some tokenizers would write it once more, which no model saw in its training.
            kwargs.setdefault("add_special_tokens", False)
        if texts and any(_MARK in one for one in texts):
            text = [self._opening(kwargs) + one for one in texts]
            kwargs |= {"sanitize_control_tokens": True, "add_special_tokens": False}
        return super().__call__(images=images, text=text, **kwargs)  # type: ignore[misc]

    def validate_inputs(self, images: Any = None, text: Any = None, **kwargs: Any) -> None:
        """Count the pictures' places: a marked text is none, though some processors take it for one."""
        super().validate_inputs(images=images, text=_unmarked(text), **kwargs)  # type: ignore[misc]

    def _check_special_mm_tokens(self, text: list[str], text_inputs: Any, modalities: list[str]) -> None:
        super()._check_special_mm_tokens(_unmarked(text), text_inputs, modalities)  # type: ignore[misc]

    def _special(self, template: str) -> re.Pattern[str]:
        """Matches what a text must not contain as a token: special tokens, and others that the template writes."""
        tokens = [
            token.content
            for token in self.tokenizer.added_tokens_decoder.values()
            if token.special or (token.content in template and not token.content.isspace())
        ]
        longest_first = sorted(tokens, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    def _opening(self, kwargs: dict[str, Any]) -> str:
        """The token that the tokenizer puts before every text, as Llama's do: marked texts are encoded without it."""
        opens = kwargs.get("add_special_tokens", True) and self.tokenizer.num_special_tokens_to_add(pair=False)
        return str(self.tokenizer.bos_token) if opens else ""


def _unmarked(text: Any) -> Any:
    """Texts without what is marked in them."""
    if isinstance(text, str):
        return _MARKED.sub("", text)
    return text if text is None else [_MARKED.sub("", one) for one in text]
