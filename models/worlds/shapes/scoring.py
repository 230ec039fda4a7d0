"""How the embedded world's suites are scored. Its replies are short sentences of its own small vocabulary."""

from typing_extensions import override

from models.suites.extraction import choose_letter, extract_yes_no, match_option, strip_tags
from models.suites.suite import Question, Suite
from models.worlds.shapes.grammar import read_caption


class ShapeSuite(Suite):
    """Options by letter or by text in a reply of any length; yes/no where there are no options.

    Args:
        name: Of the suite.
    """

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]

    @override
    def score(self, question: Question, reply: str) -> float:
        if not question.options:
            return float(extract_yes_no(reply) == question.answer.lower())
        text = strip_tags(reply)
        chosen = choose_letter(text, question.options) or match_option(text, question.options)
        return float(chosen == question.answer)


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
