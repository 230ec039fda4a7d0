"""Reads the visual operations that a vision-language model wrote: the ground truth of the VOP task."""

import re

from models.corrections import without_empty_corrections
from models.nothing import says_nothing
from models.payloads import Plan
from models.word_set import WORD
from models.written import read_statements

_MIN_WORDS = 2
_ABOUT_AN_EDIT = re.compile(
    r"note(?: that\b|\s?:)|(?:reason|explanation|rationale|entity|location|effect|result)\s?[:：]"
    r"|(?:this|that|it) (?:edit|change|operation|modification|ensures?|helps?)\b"
    r"|(?:this|that) (?:will|would|makes?|keeps?)\b"
    r"|(?:i|we) (?:cannot|can't|can’t|am|will not|won't|won’t|are)\b|everything else\b|the rest (?:of|stays|remains)\b"
    r"|no (?:other )?(?:edits?|operations?|changes?)\b",
    re.IGNORECASE,
)


def read_written(image: str, reply: str, max_operations: int) -> Plan | None:
    """The plan in a model's reply: its first operations; ``None`` if there is none.

    An operation is a sentence of at least two words ("Remove dog."). Repeats, questions, and sentences about an
    operation are left out, as is one that changes a thing into itself.

    Args:
        image: Id of the image that the operations are for.
        reply: What the model wrote.
        max_operations: Operations in the plan, at most.
    """
    found = filter(_is_operation, without_empty_corrections(read_statements(reply)))
    kept = tuple(found)[:max_operations]
    return Plan(image=image, sentences=kept, regions=None, kinds=("free",) * len(kept)) if kept else None


def _is_operation(sentence: str) -> bool:
    asks = sentence.endswith(("?", "？", "؟"))
    words = len(WORD.findall(sentence))
    return (
        words >= _MIN_WORDS
        and not asks
        and not _ABOUT_AN_EDIT.match(sentence.lstrip("([*"))
        and not says_nothing(sentence)
    )
