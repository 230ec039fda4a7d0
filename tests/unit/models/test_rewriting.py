"""A caption that a model rewrote keeps what no correction speaks of, and adds nothing. Decided by reading."""

import pytest

from models.rewriting import NOT_KEPT, UNCHANGED, read_rewrite
from models.tries import NOT_READ, Unusable
from models.written import read_caption

CAPTION = (
    "A brown dog sits on a wooden bench. A red ball lies left of the dog. Two tall trees stand behind the bench. "
    "The sky is grey."
)
GREEN = "The ball is green, not red."
FOLLOWED = CAPTION.replace("red ball", "green ball")
KEPT = [
    ("a word is replaced", GREEN, FOLLOWED),
    ("the correction stands at the end", GREEN, f"{CAPTION} The ball is green."),
    ("a sentence is added", "A white cup stands on the bench.", f"{CAPTION} A white cup stands on the bench."),
    ("two corrections", f"{GREEN} The sky is blue.", FOLLOWED.replace("grey", "blue")),
    ("what is wrong goes", "There is no ball.", CAPTION.replace("A red ball lies left of the dog. ", "")),
    ("the order changes", GREEN, " ".join(reversed(FOLLOWED.split(". ")))),
    ("two sentences become one", GREEN, FOLLOWED.replace(". The sky is", ", and the sky is")),
    ("one word is another", GREEN, FOLLOWED.replace("stand behind", "are standing behind")),
    ("the verb is another", GREEN, FOLLOWED.replace("Two tall trees stand", "There are two tall trees")),
    ("the singular becomes a plural", "There are two dogs.", CAPTION.replace("A brown dog sits", "Two brown dogs sit")),
    ("lines in place of spaces", GREEN, FOLLOWED.replace(". ", ".\n")),
    ("several corrections of one sentence", f"{GREEN} The ball is small.", FOLLOWED.replace("green", "small green")),
]
NOT_KEPT_AT_ALL = [
    ("a sentence is lost", GREEN, FOLLOWED.replace(" Two tall trees stand behind the bench.", "")),
    ("the short one is lost", GREEN, FOLLOWED.replace(" The sky is grey.", "")),
    ("all is lost but the correction", GREEN, "The ball is green."),
    ("what is said of the dog is lost", GREEN, FOLLOWED.replace("A brown dog sits on a wooden bench. ", "")),
    ("something is added", GREEN, f"{FOLLOWED} A woman with an umbrella walks past."),
    ("a sky of another color", GREEN, FOLLOWED.replace("The sky is grey.", "The sky is clear and bright.")),
    ("a summary", GREEN, "A dog and a green ball are near a bench outdoors."),
    ("a remark", GREEN, f"{FOLLOWED} I changed the color according to the first point."),
    ("another picture", GREEN, "A cat sleeps on a sofa. A lamp shines above it."),
]


@pytest.mark.parametrize(("corrections", "reply"), [case[1:] for case in KEPT], ids=[case[0] for case in KEPT])
def test_a_caption_that_keeps_the_rest_is_taken(corrections: str, reply: str) -> None:
    assert read_rewrite(CAPTION, corrections, reply) == read_caption(reply)


@pytest.mark.parametrize(
    ("corrections", "reply"), [case[1:] for case in NOT_KEPT_AT_ALL], ids=[case[0] for case in NOT_KEPT_AT_ALL]
)
def test_a_caption_that_lost_or_gained_what_no_correction_speaks_of_is_refused(corrections: str, reply: str) -> None:
    assert read_rewrite(CAPTION, corrections, reply) == Unusable(NOT_KEPT)


def test_captions_without_spaces_between_words_are_compared_by_their_characters() -> None:
    caption = "一只棕色的狗坐在长椅上。红球在狗的左边。天空是灰色的。"
    followed = caption.replace("红球", "绿球")
    assert read_rewrite(caption, "球是绿色的。", followed) == read_caption(followed)
    lost = followed.replace("一只棕色的狗坐在长椅上。", "")
    assert read_rewrite(caption, "球是绿色的。", lost) == Unusable(NOT_KEPT)


def test_a_caption_that_stays_as_it_was_or_cannot_be_read_says_so() -> None:
    assert read_rewrite(CAPTION, GREEN, f"New caption:\n{CAPTION}") == Unusable(UNCHANGED)
    assert read_rewrite(CAPTION, GREEN, "I'm sorry, I can't do that.") == Unusable(NOT_READ)
    assert read_rewrite(CAPTION, GREEN, "") == Unusable(NOT_READ)
