"""The judge as steps: refined captions are painted with the noise of the first ones, and the best critique stands."""

from collections.abc import Sequence

import pytest
from PIL import Image

from flows import synthesis_inputs as inputs
from models.payloads import (
    Captions,
    Critique,
    Critiques,
    Distances,
    FittedText,
    Judgements,
    Plan,
    Plans,
    Refinements,
    Shortened,
    Unwritten,
)
from models.selfcritique import CritiqueRules, best_critique
from models.sentences import split_sentences
from tasks import reconstruction
from tasks.editing import edit_images
from tasks.filtering import filter_critiques
from tasks.pages import shortened_texts
from tasks.shards import read_payload
from tests.loop import cut_for, done, shard_of, stored, worker_for
from viper.records import Synthesis

CUT = cut_for("filter.seeds=2")
RULES = CritiqueRules(enabled=True, min_gain=0.0, min_agreement=1.0, max_faithful_distance=0.02)
IMAGES = ("image-a", "image-b")


class RecordingPainter:
    """Paints every caption gray, and remembers which noise seeds each was painted with. It reads two sentences."""

    def __init__(self) -> None:
        self.seeds: dict[str, list[int]] = {}

    def fit(self, text: str) -> FittedText:
        sentences = split_sentences(text)
        return FittedText(text=" ".join(sentences[:2]), left_out=max(0, len(sentences) - 2))

    def paint(self, captions: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        for caption, seed in zip(captions, seeds, strict=True):
            self.seeds.setdefault(caption, []).append(seed)
        return [Image.new("RGB", (48, 48), "gray") for _ in captions]


def test_a_refined_caption_is_painted_with_the_noise_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    painter, worker = RecordingPainter(), worker_for(CUT)
    monkeypatch.setattr(worker, "painter", lambda _: painter)
    shard = shard_of({image: Image.new("RGB", (48, 48), "white") for image in IMAGES})
    captions = stored("captions", Captions({image: f"first of {image}" for image in IMAGES}))
    written = {
        image: tuple(Critique(refinements="x", refined=f"{n} of {image}", samples=1) for n in ("one", "two"))
        for image in IMAGES
    }
    critiques = stored("critiques", Critiques(written))
    done(reconstruction.paint_captions, inputs.paintings(CUT, 1, shard, captions), worker)
    done(reconstruction.paint_refined, inputs.judgements(CUT, 1, shard, critiques), worker)
    for image in IMAGES:
        first = painter.seeds[f"first of {image}"]
        assert len(set(first)) == 2
        assert painter.seeds[f"one of {image}"] == painter.seeds[f"two of {image}"] == first
    assert painter.seeds["first of image-a"] != painter.seeds["first of image-b"]


def test_what_a_painter_does_not_read_is_left_out_of_captions_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    painter, worker = RecordingPainter(), worker_for(CUT)
    monkeypatch.setattr(worker, "painter", lambda _: painter)
    shard = shard_of({image: Image.new("RGB", (48, 48), "white") for image in IMAGES})
    captions = stored("captions", Captions({"image-a": "One. Two. Three. Four.", "image-b": "One."}))
    critique = Critique(refinements="x", refined="One. Two. Five.", samples=1)
    critiques = stored("critiques", Critiques({"image-a": (critique,), "image-b": ()}))
    first = done(reconstruction.paint_captions, inputs.paintings(CUT, 1, shard, captions), worker)
    refined = done(reconstruction.paint_refined, inputs.judgements(CUT, 1, shard, critiques), worker)
    assert set(painter.seeds) == {"One. Two.", "One."}
    fitted = FittedText(text="One. Two.", left_out=2)
    assert read_payload(worker.store, first, Shortened).root == {"image-a": fitted}
    fitted = FittedText(text="One. Two.", left_out=1)
    assert read_payload(worker.store, refined, Shortened).root == {"image-a/0": fitted}
    # The distances are still known by the whole caption.
    assert set(read_payload(worker.store, refined, Judgements).root["image-a"]) == {"One. Two. Five."}
    facts = [worker.store.manifest(one).meta for one in (first, refined)]
    assert [(one["shortened"], one["sentences_left_out"]) for one in facts] == [(1, 2), (1, 1)]
    products = {"paintings": (first, first), "judgements": (refined,)}
    made = Synthesis(datasets={}, shards=(), products=products, seconds=())
    assert shortened_texts(worker.store, made) == {
        "captions shortened": 2,
        "sentences left out of captions": 4,
        "refined captions shortened": 1,
        "sentences left out of refined captions": 1,
    }


def test_what_an_editor_does_not_read_is_left_out_of_operations_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Editor(RecordingPainter):
        def edit(
            self, images: Sequence[Image.Image], instructions: Sequence[str], seeds: Sequence[int]
        ) -> list[Image.Image]:
            asked.extend(instructions)
            return list(images)

    worker = worker_for(CUT)
    monkeypatch.setattr(worker, "editor", lambda _: Editor())
    shard = shard_of({"image-a": Image.new("RGB", (48, 48), "white")})
    plan = Plan(image="image-a", sentences=("Add a cat.", "Go. Turn. Stop."), regions=None, kinds=("free", "free"))
    made = done(
        edit_images, inputs.edits(CUT, 1, shard, stored("plans", Plans({"image-a/0": plan}), Unwritten({}))), worker
    )
    assert asked == ["Add a cat.", "Go. Turn."]
    assert read_payload(worker.store, made, Shortened).root == {"image-a/0/1": FittedText(text="Go. Turn.", left_out=1)}
    assert worker.store.manifest(made).meta["shortened"] == 1


def test_of_several_accepted_critiques_the_one_that_gained_most_stands() -> None:
    critiques = [
        Critique(refinements=f"correction {name}", refined=name, samples=samples)
        for name, samples in (("little", 3), ("most", 1), ("worse", 4))
    ]
    # The first painting is .5 away; the refined ones come closer by .1 and .3, and one goes away by .2.
    refined = {"little": [0.4, 0.4], "most": [0.2, 0.2], "worse": [0.7, 0.7]}
    chosen, decision = best_critique(critiques, "first", [0.5, 0.5], refined, RULES)
    assert chosen.refined == "most"
    assert decision.kept
    assert decision.gain == pytest.approx(0.3)


def test_where_no_critique_stands_the_least_bad_rejection_is_told() -> None:
    critiques = [Critique(refinements=f"correction {n}", refined=n, samples=1) for n in ("bad", "worse")]
    chosen, decision = best_critique(critiques, "first", [0.5, 0.5], {"bad": [0.6, 0.6], "worse": [0.9, 0.9]}, RULES)
    assert (chosen.refined, decision.kept, decision.reason) == ("bad", False, "painting not closer")


def test_a_rejected_critique_leaves_the_caption_as_it_was() -> None:
    worker = worker_for(CUT)
    critiques = {image: (Critique(refinements="it is teal.", refined="teal", samples=1),) for image in IMAGES}
    products = (
        stored("captions", Captions(dict.fromkeys(IMAGES, "green"))),
        stored("paintings", Distances(dict.fromkeys(IMAGES, (0.5, 0.5)))),
        stored("critiques", Critiques(critiques)),
        stored("judgements", Judgements({"image-a": {"teal": (0.1, 0.1)}, "image-b": {"teal": (0.9, 0.9)}})),
    )
    ref = done(filter_critiques, inputs.refinements(CUT, *products), worker)
    rows = read_payload(worker.store, ref, Refinements).root
    assert (rows["image-a"].kept, rows["image-a"].refined) == (True, "teal")
    assert (rows["image-b"].kept, rows["image-b"].refined) == (False, "green")
