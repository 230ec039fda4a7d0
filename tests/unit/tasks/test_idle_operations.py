"""An operation that changed nothing is left out of an edit whose other operations did what they say."""

import numpy as np
from PIL import Image

from flows import edit_inputs as inputs
from models.lessons import find_lesson
from models.payloads import Noise, Operations, Plan, Plans, Unwritten
from models.worlds import find_world
from models.worlds.shapes.scene import Scene, Thing, render
from tasks.filtering import filter_edits
from tasks.gallery import edit_samples
from tasks.shards import read_payload
from tests.loop import cut_for, done, shard_of, stored, worker_for
from viper.records import Synthesis

CUT = cut_for()
RING, DISK, RED = (
    Thing(0, "small", "teal", "ring"),
    Thing(8, "large", "green", "circle"),
    Thing(8, "large", "red", "circle"),
)
TEAL, PAINT = "make the object at the top left teal.", "make the object at the bottom right red."


def drawn(*things: Thing) -> Image.Image:
    return Image.fromarray(render(Scene(things), np.random.default_rng(0)))


def test_what_was_teal_before_is_not_taught_as_made_teal() -> None:
    worker, before = worker_for(CUT), drawn(RING, DISK)
    shard = shard_of({"a": before})
    plan = Plan(image="a", sentences=(TEAL, PAINT), regions=(0, 8), kinds=("recolor",) * 2, places=((0,), (8,)))
    # Of the first picture only the disk has changed; of the second nothing.
    pictures = {"a/0": drawn(RING, RED), "a/1": drawn(RING, DISK)}
    edits = stored("edits", Plans(dict.fromkeys(pictures, plan)), Unwritten({}), pictures=pictures)
    made = done(filter_edits, inputs.operations(CUT, shard, edits, stored("noise", Noise(0.08))), worker)
    rows = read_payload(worker.store, made, Operations)
    kept, idle = rows.root["a/0"], rows.root["a/1"]
    assert (kept.kept, kept.sentences, kept.regions, kept.idle) == (True, (PAINT,), (8,), (TEAL,))
    assert (idle.kept, idle.reason, idle.sentences, idle.idle) == (False, "operation without effect", (TEAL, PAINT), ())
    assert worker.store.manifest(made).meta["idle"] == 1
    (sample,) = find_lesson("vop").samples({"operations": rows}, "What was done?")
    assert sample.truth == (PAINT,)
    observer = find_world("shapes").observer
    assert observer
    assert observer.is_carried_out(np.asarray(before), np.asarray(pictures["a/0"]), kept.sentences)
    report = Synthesis(datasets={}, shards=(shard,), products={"operations": (made,), "edits": (edits,)}, seconds=())
    shown = {one.text: (one.mark, one.why) for one in edit_samples(worker.store, report, 2)[0].sentences}
    assert shown == {PAINT: ("✓", ""), TEAL: ("✗", "without effect, left out")}
