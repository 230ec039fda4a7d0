"""The word-level tokenizer that all four embedded models share."""

import re

from transformers import PreTrainedTokenizerFast

from models.worlds.shapes import grammar
from models.worlds.shapes.scene import ATTRIBUTE_WORDS, POSITIONS

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL = (PAD, START, END, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>", "<|unk|>")

_QUESTION_WORDS = (
    "and corrected user assistant describe image picture pictures caption corrections refine rewrite compare "
    "correct what which where how many is are there in the of was were be must changed from first second both "
    "same different more fewer objects row column empty yes no none zero one two three four five an choose or "
    "has have with does anything color shape size object at a left right"
)


def vocabulary() -> list[str]:
    """Every word and mark of the world's language, sorted, without the special tokens."""
    phrasings = [
        *grammar._CAPTION,
        *grammar._REFINE_WORD,
        *grammar._REFINE_SHAPE,
        *grammar._REFINE_MISSING,
        *grammar._REFINE_EXTRA,
        *(phrase for phrases in grammar._OPERATION.values() for phrase in phrases),
        *grammar.NOTHING_TO_CORRECT,
    ]
    slots = [word for words in ATTRIBUTE_WORDS.values() for word in words] + list(POSITIONS)
    words = set(re.findall(r"[a-z]+", re.sub(r"\{.*?\}", "", " ".join(phrasings))))
    words |= set(" ".join(slots).split()) | set(_QUESTION_WORDS.split())
    return sorted(words)


def make_tokenizer(max_length: int = 512) -> PreTrainedTokenizerFast:
    """A fresh tokenizer: one token a word, ``. , ? :`` apart, lower case, text restored on decoding."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    marks = [".", ",", "?", ":"]
    tokens = [*SPECIAL, *marks, *("▁" + word for word in vocabulary())]
    backend = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="<|unk|>"))
    backend.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Strip(), normalizers.Prepend(" "), normalizers.Replace(" ", "▁")]
    )
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"▁[a-z]+|[.,?:]"), "removed", invert=True)
    backend.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token=PAD,
        eos_token=END,
        unk_token="<|unk|>",
        additional_special_tokens=[token for token in SPECIAL if token not in (PAD, END, "<|unk|>")],
        model_max_length=max_length,
        padding_side="right",
    )
