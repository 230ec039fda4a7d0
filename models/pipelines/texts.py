"""Captions are shortened by whole sentences to what a text encoder takes, before it would cut them off itself."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from models.payloads import FittedText
from models.pipelines.family import PipelineFamily, TextLimit
from models.sentences import join_sentences, split_sentences


def fit_text(pipeline: Any, family: PipelineFamily, text: str) -> FittedText:
    """The leading sentences of a text that a pipeline takes, and how many were left out.

    Of a text whose first sentence is too long by itself, the words of that sentence that fit are kept.

    Args:
        pipeline: Of the family; its own tokenizers count.
        family: Says which tokenizers count, and how far.
        text: A caption or an instruction.
    """
    if family.text is None or _takes(pipeline, family.text, text):
        return FittedText(text=text)
    limit, sentences = family.text, split_sentences(text)
    kept = _most(len(sentences), lambda count: _takes(pipeline, limit, join_sentences(sentences[:count])))
    if kept:
        return FittedText(text=join_sentences(sentences[:kept]), left_out=len(sentences) - kept)
    first = sentences[0] if sentences else text
    marks = _most(len(first), lambda count: _takes(pipeline, limit, first[:count]))
    begun = first[:marks]
    whole = begun if first[marks : marks + 1].isspace() else begun.rpartition(" ")[0] or begun
    return FittedText(text=whole.rstrip(), left_out=max(0, len(sentences) - 1), cut=True)


def _most(most: int, fits: Callable[[int], bool]) -> int:
    """The largest count below ``most`` that fits, by halving; more text is never fewer tokens but by a few."""
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _takes(pipeline: Any, limit: TextLimit, text: str) -> bool:
    for tokenizer in (attrgetter(name)(pipeline) for name in limit.tokenizers):
        tokens = tokenizer(_framed(pipeline, limit, tokenizer, text), verbose=False)["input_ids"]
        if len(tokens) > _room(pipeline, limit, tokenizer):
            return False
    return True


def _framed(pipeline: Any, limit: TextLimit, tokenizer: Any, text: str) -> str:
    """What the pipeline gives its tokenizer for a text."""
    match limit.frame:
        case "lowered":
            return text.lower().strip()
        case "template":
            return str(pipeline.prompt_template_encode.format(text))
        case "instruction":
            return instruction(pipeline) + text.lower().strip()
        case "chat" | "thinking":
            turn = [{"role": "user", "content": text}]
            return str(
                tokenizer.apply_chat_template(
                    turn, tokenize=False, add_generation_prompt=True, enable_thinking=limit.frame == "thinking"
                )
            )
        case "omnigen2":
            return str(pipeline._apply_chat_template(text))
    return text


def _room(pipeline: Any, limit: TextLimit, tokenizer: Any) -> int:
    """The tokens that a framed text may have."""
    match limit.frame:
        case "template":
            return limit.tokens + int(pipeline.prompt_template_encode_start_idx)
        case "instruction":
            return limit.tokens - 2 + len(tokenizer.encode(instruction(pipeline)))
    return limit.tokens or int(pipeline.config.prompt_max_tokens)


def instruction(pipeline: Any) -> str:
    """The lines that Sana puts before every caption."""
    import inspect

    lines = inspect.signature(pipeline.__call__).parameters["complex_human_instruction"].default
    return "\n".join(lines)
