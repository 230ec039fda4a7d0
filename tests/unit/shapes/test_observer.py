"""The perfect observer of the embedded world, on scenes, captions and sentences whose truth was written by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.worlds.shapes import grammar
from models.worlds.shapes.observer import SceneObserver
from models.worlds.shapes.scene import Scene, Thing, render
from models.worlds.shapes.scoring import caption_fidelity

OBSERVER = SceneObserver()
RING, CROSS, DISK = (
    Thing(0, "small", "teal", "ring"),
    Thing(4, "large", "red", "cross"),
    Thing(6, "small", "blue", "circle"),
)
TRUE_CAPTION = (
    "the top left holds a small teal ring. the middle center holds a large red cross. "
    "the bottom left holds a small blue circle."
)
CAPTION = (
    "the top left holds a small green circle. the middle center holds a small red cross. "
    "the bottom right holds a large brown square."
)
"""Of all three: teal is called green, a ring a circle, large small; the disk is missing, a square invented."""
NEEDED = ("color, fine", "shape, fine", "size", "missing", "invented")
SENTENCES = {
    "the object at the top left is teal, not green.": ("color, fine", 0),
    "at the top left the object should be teal instead of green.": ("color, fine", 0),
    "the object at the top left is a ring, not a circle.": ("shape, fine", 1),
    "the object at the middle center is large, not small.": ("size", 2),
    "the caption misses a small blue circle at the bottom left.": ("missing", 3),
    "there is no object at the bottom right.": ("invented", 4),
    # Followed, the caption is true, whatever the sentence takes the caption to say.
    "the object at the top left is teal, not red.": ("color, coarse", 0),
    "the object at the top left is blue, not green.": ("color, coarse", None),
    "the object at the top left is a square, not a circle.": ("shape, coarse", None),
    "the object at the middle center is pink, not red.": ("color, fine", None),
    "the object at the middle center is a cross, not a ring.": ("shape, coarse", None),
    "a large blue circle at the bottom left is missing.": ("missing", None),
    "a small blue circle at the bottom center is missing.": ("missing", None),
    "there is no object at the top left.": ("invented", None),
    "the ring is nice.": ("unreadable", None),
}
"""By sentence: its kind, and which of the needed corrections it makes."""


def picture(*things: Thing, seed: int = 0) -> NDArray[np.uint8]:
    return render(Scene(tuple(sorted(things))), np.random.default_rng(seed))


def test_sentences_are_right_where_the_caption_is_wrong_and_they_say_what_is_there() -> None:
    marks = OBSERVER.mark(picture(RING, CROSS, DISK), CAPTION, SENTENCES)
    assert marks.needed == NEEDED
    assert {sentence: (mark.kind, mark.answers) for sentence, mark in marks.said.items()} == SENTENCES


def test_a_true_caption_needs_nothing_so_that_no_sentence_is_right() -> None:
    marks = OBSERVER.mark(picture(RING, CROSS, DISK), TRUE_CAPTION, SENTENCES)
    assert marks.needed == ()
    assert [sentence for sentence, mark in marks.said.items() if mark.answers is not None] == []


@pytest.mark.parametrize(
    ("operations", "after"),
    [
        (["change the color of the object at the top left to green."], [Thing(0, "small", "green", "ring"), CROSS]),
        (["turn the object at the top left into a circle."], [Thing(0, "small", "teal", "circle"), CROSS]),
        (["make the object at the middle center small."], [RING, Thing(4, "small", "red", "cross")]),
        (["remove the object at the top left."], [CROSS]),
        (["add a small blue circle at the bottom left."], [RING, CROSS, DISK]),
        (["move the object at the top left to the top right."], [Thing(2, "small", "teal", "ring"), CROSS]),
        (
            ["remove the object at the middle center.", "make the object at the top left pink."],
            [Thing(0, "small", "pink", "ring")],
        ),
    ],
    ids=["recolor", "reshape", "resize", "remove", "add", "move", "two"],
)
def test_an_edit_is_right_where_the_picture_shows_what_the_operations_say_and_no_more(
    operations: list[str], after: list[Thing]
) -> None:
    before = picture(RING, CROSS)
    assert OBSERVER.is_carried_out(before, picture(*after, seed=1), operations)
    assert not OBSERVER.is_carried_out(before, before, operations)
    assert not OBSERVER.is_carried_out(before, picture(*after, Thing(8, "small", "red", "ring")), operations)
    assert not OBSERVER.is_carried_out(before, picture(*after), [*operations, "paint it black."])
    smeared = picture(*after)
    smeared[34:46, 34:40] = 0  # no shape of the world, where nothing was to change
    assert not OBSERVER.is_carried_out(before, smeared, operations)


def test_wrong_corrections_are_of_every_kind_and_never_make_a_caption_truer() -> None:
    rng, shown = np.random.default_rng(0), picture(RING, CROSS, DISK)
    drawn = {OBSERVER.wrong_correction(shown, CAPTION, rng) for _ in range(400)}
    read = [grammar.read_correction(sentence) for sentence in drawn]
    assert {one.kind for one in read if one} == {"attribute", "missing", "extra"}
    assert None not in read
    assert drawn & {sentence for sentence, (_, makes) in SENTENCES.items() if makes is not None} == set()
    before = caption_fidelity(CAPTION, TRUE_CAPTION)
    followed = [caption_fidelity(grammar.rewrite(CAPTION, sentence), TRUE_CAPTION) for sentence in drawn]
    # A wrong word for a wrong word, or for the invented object's, leaves the caption as wrong as it was.
    assert max(followed) <= before + 1e-9
    assert min(followed) < before - 0.1


@pytest.mark.parametrize(
    "caption", ["", " ".join(f"the {place} holds a small red ring." for place in grammar.POSITIONS)]
)
def test_captions_that_name_nothing_or_every_place_can_be_corrected_wrongly(caption: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        sentence = OBSERVER.wrong_correction(picture(RING), caption, rng)
        assert grammar.read_correction(sentence) is not None
        assert OBSERVER.mark(picture(RING), caption, [sentence]).said[sentence].answers is None
