"""Whether an operation happened, by what the VLM answers: questions, the answers that confirm, and what they add up to.

The judge compares pixels: it sees that a place has changed, but not whether it now shows what the operation says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from models.payloads import Happened
from models.suites.extraction import extract_yes_no
from models.tries import Unusable, unusable

NEITHER = "answered neither yes nor no"


@dataclass(frozen=True)
class WitnessQuestion:
    """A yes/no question about an edited picture."""

    text: str
    confirms: Literal["yes", "no"]
    """The answer that speaks for the operation."""
    before: bool
    """Whether the picture before the edit is shown first; else the edited one is shown alone."""


def read_answer(reply: str) -> str | Unusable:
    """``yes`` or ``no``, by the rules that read benchmark replies, or why the reply says neither."""
    return extract_yes_no(reply) or unusable(reply, NEITHER)


def happened(questions: Sequence[WitnessQuestion], answers: Sequence[str | Unusable]) -> Happened:
    """What the answers say of one operation: ``yes`` if all confirm it, ``no`` if any denies it.

    Args:
        questions: All that were asked about it.
        answers: To each of them, as ``read_answer`` gives them.
    """
    said = [(question, answer) for question, answer in zip(questions, answers, strict=True) if isinstance(answer, str)]
    if any(answer != question.confirms for question, answer in said):
        return "no"
    return "yes" if said and len(said) == len(questions) else "no answer"
