"""How the embedded world's suites are scored. Its replies are short sentences of its own small vocabulary."""

from typing_extensions import override

from models.suites.extraction import extract_yes_no
from models.suites.suite import Question, Suite
from models.worlds.shapes.grammar import read_caption


class ShapeSuite(Suite):
    """Options by letter or by text, as everywhere; yes/no where there are no options.

    Args:
        name: Of the suite.
        rows: That it has.
        pictures: That a row shows.
    """

    def __init__(self, name: str, rows: int, pictures: int) -> None:
        self.name, self.rows, self.pictures = name, rows, pictures  # type: ignore[misc]

    @override
    def score(self, question: Question, reply: str) -> float:
        if not question.options:
            return float(extract_yes_no(reply) == question.answer.lower())
        return super().score(question, reply)


class CaptionFidelity(Suite):
    """Captions, by the facts that they state."""

    name = "caption_fidelity"

    @override
    def score(self, question: Question, reply: str) -> float:
        return caption_fidelity(reply, question.answer)


def caption_fidelity(caption: str, truth: str) -> float:
    """F1 of the facts (size, color, shape at a position) that a caption of the embedded world states, in [0, 1]."""

    def facts(text: str) -> set[tuple[int, str, str]]:
        return {
            (thing.cell, name, getattr(thing, name))
            for thing in read_caption(text)
            for name in ("size", "color", "shape")
        }

    said, true = facts(caption), facts(truth)
    right = len(said & true)
    return 2 * right / (len(said) + len(true)) if said or true else 0.0
