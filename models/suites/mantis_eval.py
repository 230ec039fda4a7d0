"""Mantis-Eval (arXiv 2405.01483): 217 questions over several images; option letters and short answers."""

import re

from typing_extensions import override

from models.suites.extraction import says
from models.suites.suite import Cells, Question, Suite, unlabelled

SHORT = "Answer the question using a single word or phrase."
_MARKERS = re.compile(r"<image>(?:\s*<image>)*")
_AHEAD = re.compile(r"\s*(?:<image>\s*+)++(?:(?<=\n)|(?=[\"'“(]?[A-Z\d]|\Z))")
"""Markers that only show images: a line of their own, or a new sentence follows them."""


class MantisEval(Suite):
    """Short answers are right where the reply contains them.

    Images come before the text. The markers ``<image>`` in question and options name them in their order, as in the
    benchmark's own harness: with fewer markers than images, the first images have none; markers beyond the images name
    nothing and are left out.
    """

    name = "Mantis-Eval"
    rows = 217
    pictures = 5
    hub = "TIGER-Lab/Mantis-Eval"
    hub_files = "*test-*.parquet"
    hub_columns = ("question_type", "question", "options", "images", "answer")

    @override
    def from_hub(self, row: Cells, number: int) -> Cells:
        images, choice = row["images"], row["question_type"] == "multi-choice"
        texts = [str(row["question"]), *(map(str, row["options"]) if choice else ())]
        text, *options = name_images(texts, len(images))
        text = text if choice else f"{text}\n{SHORT}"
        return {**row, "index": row.get("id") or number, "image": images, "question": text, **unlabelled(options)}

    @override
    def score(self, question: Question, reply: str) -> float:
        return super().score(question, reply) if question.options else float(says(reply, question.answer))


def name_images(texts: list[str], images: int) -> list[str]:
    """Texts with ``image 1``, ``image 2``, … in place of their markers; those ahead of the first text are cut off."""
    markers = sum(text.count("<image>") for text in texts)
    ahead = _AHEAD.match(texts[0])
    shown = ahead[0].count("<image>") if ahead else 0
    numbers = iter(range(max(0, images - markers) + shown + 1, images + 1))
    first = texts[0][ahead.end() :] if ahead else texts[0]

    def named(run: re.Match[str]) -> str:
        # The markers first: zip would take a number too many.
        return ", ".join(f"image {number}" for _, number in zip(range(run[0].count("<image>")), numbers, strict=False))

    return [_MARKERS.sub(named, text).strip() for text in (first, *texts[1:])]
