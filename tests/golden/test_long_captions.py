"""What the embedded painter's text encoder does not take of a caption is known before it is painted, by sentences."""

import pytest
from PIL import Image

from flows import synthesis_inputs as inputs
from models.payloads import Captions, FittedText, Shortened
from models.worlds.shapes.scene import POSITIONS
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
