"""The judge as steps: corrections are painted with the noise of the first caption, one by one and together.

The painter of most tests draws what a caption of the embedded world names, so that what is right is known by hand.
"""

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from flows.cut import Cut
from models.judged import judged_row
from models.payloads import Critique, Noise, Refinement
from models.sentences import split_sentences
from models.worlds.shapes import grammar
from models.worlds.shapes.scene import Scene, Thing, sample_scene
from tasks import judging
from tasks.rewriting import by_rules
from tasks.shards import read_payload
from tests.judged_round import CUT, RULES, DrawingPainter, Round, caption_of, picture, said
from tests.loop import cut_for

TEAL_RING = Thing(0, "large", "teal", "ring")
RED_CROSS = Thing(8, "small", "red", "cross")
GREEN_DISK = caption_of(Thing(0, "large", "green", "circle"), RED_CROSS)


def judged(
    monkeypatch: pytest.MonkeyPatch, *sentences: tuple[str, int], scene: Scene | None = None, cut: Cut = CUT
) -> Refinement:
    """What becomes of corrections of "a large green circle" where a teal ring is, beside a cross that is right."""
    shown = {"a": picture(scene or Scene((TEAL_RING, RED_CROSS)), 5)}
    made = Round(shown, {"a": GREEN_DISK}, {"a": said(GREEN_DISK, *sentences)}, DrawingPainter(), monkeypatch, cut)
    return made.rows()["a"]


TEAL = "the object at the top left is teal, not green."
RING = "the object at the top left is a ring, not a circle."
BLUE = "the object at the bottom right is blue, not red."


def test_the_right_sentences_of_all_draws_are_put_together_and_the_wrong_ones_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = judged(monkeypatch, (TEAL, 3), (BLUE, 3), (RING, 2))
    assert (row.kept, row.reason) == (True, "accepted")
    assert set(split_sentences(row.refinements)) == {TEAL, RING}
    assert row.refined == caption_of(TEAL_RING, RED_CROSS) == RULES.rewrite(GREEN_DISK, row.refinements)
    assert {one: verdict.kept for one, verdict in row.verdicts.items()} == {TEAL: True, RING: True, BLUE: False}
    assert row.verdicts[BLUE].reason == "painting not closer"
    assert row.verdicts[BLUE].gain < 0 < row.verdicts[TEAL].gain
    assert [row.verdicts[one].samples for one in (TEAL, BLUE, RING)] == [3, 3, 2]
    assert row.last_distance < row.first_distance


def test_places_are_named_where_what_stands_is_not_true_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(monkeypatch, (TEAL, 3), (RING, 2)).differs == ()
    assert judged(monkeypatch, (BLUE, 3)).differs == (0,), "the ring is teal, and nobody said so"
    missed = Scene((TEAL_RING, RED_CROSS, Thing(4, "large", "blue", "square")))
    assert judged(monkeypatch, (TEAL, 3), (RING, 2), scene=missed).differs == (4,)
    off = cut_for("filter.enabled=false")
    assert judged(monkeypatch, (BLUE, 3), cut=off).differs == ()


def test_of_two_words_for_one_thing_the_closer_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    blue = "the object at the top left is blue, not green."
    row = judged(monkeypatch, (blue, 9), (TEAL, 2))
    assert row.refinements == TEAL
    assert not row.verdicts[blue].kept


def test_a_rejected_critique_leaves_the_caption_as_it_was_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    row = judged(monkeypatch, (BLUE, 4), ("the object at the top left is a circle, not a ring.", 1))
    assert (row.kept, row.refined, row.reason) == (False, GREEN_DISK, "painting not closer")
    assert row.refinements == BLUE


def test_nothing_is_to_correct_where_the_painting_is_right_and_a_miss_where_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = Scene((Thing(0, "large", "green", "circle"), RED_CROSS))
    nothing = ("nothing to correct.", 5)
    found = judged(monkeypatch, nothing, (BLUE, 2), scene=right)
    assert (found.kept, found.reason, found.refined) == (True, "nothing to correct", GREEN_DISK)
    wrong = Scene((Thing(0, "large", "green", "circle"), Thing(8, "small", "blue", "square")))
    missed = judged(monkeypatch, nothing, scene=wrong)
    assert (missed.kept, missed.reason) == (False, "missed difference")


def test_a_refined_caption_is_painted_with_the_noise_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    painter, other = DrawingPainter(), caption_of(Thing(4, "small", "pink", "cross"))
    captions, teal = {"image-a": GREEN_DISK, "image-b": other}, RULES.rewrite(GREEN_DISK, TEAL)
    drawn = {"image-a": said(GREEN_DISK, (TEAL, 2)), "image-b": ()}
    shown = {"image-a": picture(Scene((TEAL_RING, RED_CROSS)), 5), "image-b": picture(Scene(()), 6)}
    Round(shown, captions, drawn, painter, monkeypatch)
    assert painter.seeds[teal] == painter.seeds[GREEN_DISK][: len(painter.seeds[teal])]
    # The second seed measures the noise; it is another one, and images have their own.
    assert len(set(painter.seeds[GREEN_DISK] + painter.seeds[other])) == 4


def many(count: int) -> tuple[dict[str, Image.Image], dict[str, str], dict[str, tuple[Critique, ...]]]:
    """Pictures whose captions name another color and shape, with right corrections and wrong ones."""
    rng = np.random.default_rng(3)
    pictures, captions, critiques = {}, {}, {}
    for number in range(count):
        scene = sample_scene(rng, 2, 4)
        named = [Thing(one.cell, one.size, "brown", "diamond") for one in scene.things]
        name, caption = f"image-{number}", caption_of(*named)
        right = [grammar.say_correction(one, rng) for one in grammar.corrections(scene, named)]
        wrong = [f"the object at the {one.position} is {word}, not brown." for one in named for word in ("pink", "red")]
        pictures[name], captions[name] = picture(scene, number), caption
        critiques[name] = said(caption, *((one, 2) for one in right), *((one, 1 + number % 2) for one in wrong))
    return pictures, captions, critiques


def test_seeds_are_painted_only_where_they_decide_and_the_decisions_are_those_of_painting_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few, every = DrawingPainter(), DrawingPainter()
    made = Round(*many(12), few, monkeypatch)
    monkeypatch.setattr(judging, "is_open", lambda *_: True)
    full = Round(*many(12), every, monkeypatch)
    kept, other = (
        {(n, s): v.kept for n, r in one.rows().items() for s, v in r.verdicts.items()} for one in (made, full)
    )
    assert kept == other
    assert len(set(kept.values())) == 2
    painted, whole = (sum(map(len, one.seeds.values())) for one in (few, every))
    assert painted <= 0.65 * whole
    meta = [one.worker.store.manifest(one.judgements).meta for one in (made, full)]
    assert meta[0]["all"] == meta[1]["all"] == meta[1]["painted"]
    assert int(str(meta[0]["painted"])) <= 0.65 * int(str(meta[0]["all"]))


def test_the_noise_of_a_painter_is_what_its_seeds_differ_by(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, captions, critiques = many(4)

    def unit(painter: DrawingPainter) -> float:
        made = Round(pictures, captions, critiques, painter, monkeypatch)
        return read_payload(made.worker.store, made.noise, Noise).root

    class Wild(DrawingPainter):
        """Shifts what it draws by two to four pixels."""

        def paint(self, captions: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
            drawn = super().paint(captions, seeds)
            return [
                one.transform(one.size, Image.Transform.AFFINE, (1, 0, seed % 9 - 4, 0, 1, 0))
                for one, seed in zip(drawn, seeds, strict=True)
            ]

    # Shades are drawn within 7 of 255, and things are shifted by half a pixel at most.
    assert 1 / 255 <= unit(DrawingPainter()) < 30 / 255
    assert unit(Wild()) > 2 * unit(DrawingPainter())


def test_rules_keep_of_what_contradicts_itself_what_comes_closest() -> None:
    blue = "the object at the top left is blue, not green."
    union = by_rules(RULES, GREEN_DISK, [TEAL, RING, blue])
    assert (set(union.sentences), union.sentences[-1], union.rivals) == ({TEAL, RING}, TEAL, (blue,))
    assert union.refined == caption_of(TEAL_RING, RED_CROSS)


def test_a_critique_that_is_judged_as_a_whole_takes_its_wrong_sentence_along(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = cut_for("filter.seeds=2", "filter.unit=critique")
    large = "the object at the bottom right is large, not small."
    best, others = f"{TEAL} {RING} {large}", (TEAL, f"{BLUE} {RING}")
    row = judged(monkeypatch, *((text, 2) for text in (best, *others)), cut=cut)
    assert (row.kept, row.refinements) == (True, best)
    assert row.refined == RULES.rewrite(GREEN_DISK, best)
    assert {text: verdict.kept for text, verdict in row.verdicts.items()} == {best: True} | dict.fromkeys(others, False)
    assert row.verdicts[TEAL].reason == "another correction is closer"
    found = judged_row(row, said(GREEN_DISK, (TEAL, 2), (RING, 3), (large, 1), (BLUE, 1)))
    assert found.accepted == ((TEAL, RING, large),)
    assert set(found.rejected) == {(TEAL,), (BLUE, RING)}
    # Sentence by sentence the same draws give what is right alone.
    row = judged(monkeypatch, (TEAL, 4), (RING, 4), (large, 2), (BLUE, 2))
    assert set(split_sentences(row.refinements)) == {TEAL, RING}
