"""What a painter does not read of captions and corrections is judged neither right nor wrong.

The painter draws what the first two sentences of a caption name: what it cannot show is known by hand.
"""

from collections.abc import Sequence

import pytest
from PIL import Image

from models.judged import judged_row
from models.payloads import Critique, FittedText, Judgements, Refinement, Shortened
from models.sentences import split_sentences
from models.unread import NOT_PAINTED, unread
from models.worlds.shapes.scene import Scene, Thing
from tasks.gallery import caption_samples
from tasks.pages import shortened_texts, yields
from tasks.shards import read_payload
from tests.judged_round import DrawingPainter, Round, caption_of, picture, said
from viper.records import Synthesis

DISK, RING = Thing(0, "large", "green", "circle"), Thing(0, "large", "teal", "ring")
SQUARE, CROSS = Thing(4, "large", "blue", "square"), Thing(8, "small", "red", "cross")
TEAL = "the object at the top left is teal, not green."
PINK = "the object at the bottom right is pink, not red."
NO_DISK = "there is no object at the top left."
MISSING = "a large blue square at the middle center is missing."
MISSING_TOO = "a small red cross at the bottom right is missing."
NOTHING = "nothing to correct."


class ShortPainter(DrawingPainter):
    """Reads two sentences."""

    def fit(self, text: str) -> FittedText:
        sentences = split_sentences(text)
        return FittedText(text=" ".join(sentences[:2]), left_out=max(0, len(sentences) - 2))

    def paint(self, captions: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        assert all(len(split_sentences(one)) <= 2 for one in captions), "it would cut off the rest by itself"
        return super().paint(captions, seeds)


def judged(
    monkeypatch: pytest.MonkeyPatch, shown: Sequence[Thing], named: Sequence[Thing], *sentences: tuple[str, int]
) -> tuple[Refinement, Round, ShortPainter]:
    """What becomes of corrections of a caption of some things where others are shown."""
    painter, caption, pictures = ShortPainter(), caption_of(*named), {"a": picture(Scene(tuple(shown)), 5)}
    made = Round(pictures, {"a": caption}, {"a": said(caption, *sentences)}, painter, monkeypatch)
    return made.rows()["a"], made, painter


def test_a_correction_of_what_is_not_read_is_not_judged_and_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    pink = Thing(8, "small", "pink", "cross")
    row, made, painter = judged(monkeypatch, (RING, SQUARE, pink), (DISK, SQUARE, CROSS), (TEAL, 2), (PINK, 5))
    assert (row.kept, row.refinements) == (True, TEAL)
    assert row.verdicts[PINK].model_dump(include={"kept", "reason", "samples", "paintings"}) == {
        "kept": False,
        "reason": NOT_PAINTED,
        "samples": 5,
        "paintings": 0,
    }
    # The caption without and with the color, one seed where that is clear, and one more of the caption for the noise.
    assert set(painter.seeds) == {caption_of(DISK, SQUARE), caption_of(Thing(0, "large", "teal", "circle"), SQUARE)}
    meta = made.worker.store.manifest(made.refinements).meta
    assert meta["sentences"] == {"accepted": 1, NOT_PAINTED: 1}


@pytest.mark.parametrize(
    ("named", "correction"),
    [
        ((DISK, CROSS), MISSING),  # in the second sentence's place: the painter would leave out the cross
        ((DISK, SQUARE, CROSS), NO_DISK),  # without the first, the painter would read the third
    ],
    ids=["pushed out", "drawn in"],
)
def test_a_correction_that_moves_what_is_read_is_not_judged(
    named: tuple[Thing, ...], correction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, _, painter = judged(monkeypatch, (SQUARE, CROSS), named, (correction, 9))
    assert (row.kept, row.reason, row.refinements) == (False, NOT_PAINTED, correction)
    assert row.verdicts[correction].reason == NOT_PAINTED
    assert set(painter.seeds) == {caption_of(*named[:2])}


@pytest.mark.parametrize("shown", [(DISK, SQUARE, CROSS), (DISK, SQUARE)], ids=["true", "false"])
def test_nothing_to_correct_of_a_caption_that_is_not_read_to_its_end_is_not_judged(
    shown: tuple[Thing, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    row, made, _ = judged(monkeypatch, shown, (DISK, SQUARE, CROSS), (NOTHING, 9))
    assert (row.kept, row.reason, row.refinements) == (False, NOT_PAINTED, NOTHING)
    assert made.worker.store.manifest(made.refinements).meta["reasons"] == {NOT_PAINTED: 1}


def test_nothing_to_correct_of_a_caption_that_is_read_is_judged_beside_a_correction_that_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row, *_ = judged(monkeypatch, (DISK, CROSS), (DISK, CROSS), (NOTHING, 9), (MISSING, 1))
    assert (row.kept, row.reason) == (True, "nothing to correct")
    missed, *_ = judged(monkeypatch, (DISK, SQUARE, CROSS), (DISK, CROSS), (NOTHING, 9), (MISSING, 1))
    assert (missed.kept, missed.reason, missed.refinements) == (False, "missed difference", NOTHING)


def test_of_corrections_that_are_read_by_themselves_alone_the_closest_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    row, *_ = judged(monkeypatch, (DISK, SQUARE, CROSS), (DISK,), (MISSING, 3), (MISSING_TOO, 3))
    assert row.kept
    assert {row.refinements: "accepted"}.items() <= {one: found.reason for one, found in row.verdicts.items()}.items()
    assert sorted(found.reason for found in row.verdicts.values()) == ["accepted", NOT_PAINTED]


def test_what_was_not_judged_counts_neither_as_accepted_nor_as_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    named = (DISK, SQUARE, CROSS)
    row, made, _ = judged(monkeypatch, named, named, (NOTHING, 9), (PINK, 2), (TEAL, 2))
    assert (row.kept, row.reason) == (False, NOT_PAINTED)
    found = judged_row(row, said(row.caption, (NOTHING, 9), (PINK, 2), (TEAL, 2)))
    assert (found.accepted, found.rejected) == ((), ((TEAL,),))
    products = {"refinements": (made.refinements,), "paintings": (made.paintings,), "operations": ()}
    report = Synthesis(datasets={}, shards=(made.shard,), products=products, seconds=())
    assert yields(made.worker.store, report)["csr"] == {NOT_PAINTED: 1}
    (sample,) = caption_samples(made.worker.store, report, 1)
    assert sample.decision == "not judged: not read by the painter"
    assert {one.text: one.mark for one in sample.sentences} == {PINK: "–", TEAL: "✗"}


def test_what_a_painter_does_not_read_is_left_out_of_captions_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    painter = ShortPainter()
    shown = {image: Image.new("RGB", (48, 48), "white") for image in ("image-a", "image-b")}
    drawn = [
        Critique(refinements=one, refined=one, draws=(0,)) for one in ("One. Five. Three. Four.", "One. Two. Six.")
    ]
    captions = {"image-a": "One. Two. Three. Four.", "image-b": "One."}
    made = Round(shown, captions, {"image-a": tuple(drawn), "image-b": ()}, painter, monkeypatch)
    assert set(painter.seeds) == {"One. Two.", "One. Five.", "One."}
    store = made.worker.store
    assert read_payload(store, made.paintings, Shortened).root == {"image-a": FittedText(text="One. Two.", left_out=2)}
    assert read_payload(store, made.judgements, Shortened).root == {
        "image-a/0": FittedText(text="One. Five.", left_out=2),
        "image-a/1": FittedText(text="One. Two.", left_out=1),
    }
    assert len(read_payload(store, made.judgements, Judgements).root["image-a"]) == 2
    facts = [store.manifest(one).meta for one in (made.paintings, made.judgements)]
    assert [(one["shortened"], one["sentences_left_out"]) for one in facts] == [(1, 2), (2, 3)]
    products = {"paintings": (made.paintings, made.paintings), "judgements": (made.judgements,)}
    counted = Synthesis(datasets={}, shards=(), products=products, seconds=())
    assert shortened_texts(store, counted) == {
        "captions shortened": 2,
        "sentences left out of captions": 4,
        "refined captions shortened": 2,
        "sentences left out of refined captions": 3,
    }


@pytest.mark.parametrize(
    ("text", "fitted", "rest"),
    [
        ("One. Two.", FittedText(text="One. Two."), ()),
        ("One. Two. Three.", FittedText(text="One.", left_out=2), ("Two.", "Three.")),
        ("A long one. Two.", FittedText(text="A long", left_out=1, cut=True), ("one.", "Two.")),
        ("A long one.", FittedText(text="A long", cut=True), ("one.",)),
    ],
)
def test_what_is_not_read_is_the_rest_of_a_text(text: str, fitted: FittedText, rest: tuple[str, ...]) -> None:
    assert unread(text, fitted) == rest
