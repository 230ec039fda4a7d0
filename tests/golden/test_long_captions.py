"""What the embedded painter's text encoder does not take of a caption is known before it is painted, by sentences."""

import pytest
from PIL import Image

from flows import synthesis_inputs as inputs
from models.payloads import Captions, Critique, Critiques, FittedText, Judgements, Noise, Shortened
from models.worlds import find_world
from models.worlds.shapes.scene import POSITIONS
from tasks.judging import judge_corrections
from tasks.reconstruction import paint_captions
from tasks.shards import read_payload, read_pictures
from tests.loop import cut_for, done, shard_of, stored, worker_for

SENTENCES = [f"the {position} holds a small red ring." for position in POSITIONS]
"""Nine tokens each: eight words and the period. The encoder takes 64, so seven sentences."""
FIT = 7


@pytest.mark.parametrize("count", [1, FIT, FIT + 1, 9])
def test_a_caption_is_painted_up_to_the_last_sentence_that_fits(count: int) -> None:
    cut = cut_for("filter.seeds=1")
    worker = worker_for(cut)
    texts = {"long": " ".join(SENTENCES[:count]), "short": " ".join(SENTENCES[: min(count, FIT)])}
    shard = shard_of({name: Image.new("RGB", (48, 48), "white") for name in texts})
    ref = done(paint_captions, inputs.paintings(cut, 1, shard, stored("captions", Captions(texts))), worker)
    left_out = max(0, count - FIT)
    expected = {"long": FittedText(text=texts["short"], left_out=left_out)} if left_out else {}
    assert read_payload(worker.store, ref, Shortened).root == expected
    assert worker.store.manifest(ref).meta["sentences_left_out"] == left_out
    assert set(read_pictures(worker.store, ref)) == set(texts)


def test_a_correction_beyond_what_the_painter_reads_is_not_judged_and_one_within_is() -> None:
    cut = cut_for("filter.seeds=1")
    worker = worker_for(cut)
    caption = " ".join(SENTENCES)
    said = {position: f"the object at the {position} is blue, not red." for position in (POSITIONS[0], POSITIONS[-1])}
    rules = find_world("shapes").need_rules()
    drawn = tuple(Critique(refinements=one, refined=rules.rewrite(caption, one), draws=(0, 1)) for one in said.values())
    shard = shard_of({"a": Image.new("RGB", (48, 48), "white")})
    captions, critiques = stored("captions", Captions({"a": caption})), stored("critiques", Critiques({"a": drawn}))
    paintings = done(paint_captions, inputs.paintings(cut, 1, shard, captions), worker)
    noise = stored("noise", Noise(0.03))
    made = done(judge_corrections, inputs.judgements(cut, 1, shard, captions, paintings, critiques, noise), worker)
    verdicts = read_payload(worker.store, made, Judgements).root["a"]
    first, last = (verdicts[one] for one in said.values())
    assert (last.kept, last.reason, last.paintings) == (False, "not read by the painter", 0)
    assert (first.paintings, first.reason == last.reason) == (1, False)
    assert set(read_pictures(worker.store, made)) == {"a/0"}
    assert worker.store.manifest(made).meta["painted"] == 1
