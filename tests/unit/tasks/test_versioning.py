"""What becomes a dataset version, and whether it is worth a training."""

from pathlib import Path

import pytest
from PIL import Image

from flows import synthesis_inputs as inputs
from models.payloads import Refinement, Refinements
from storage.datasets import read_dataset
from storage.images import encode_png
from storage.objects import ObjectStore
from tasks.versioning import lack_of_lessons, version_dataset
from tests.loop import cut_for, done, shard_of, stored, stored_dataset, worker_for

NOTHING = "nothing to correct."


def correction(caption: str) -> Refinement:
    return Refinement(
        caption=caption,
        refinements="it is teal.",
        refined="teal",
        kept=True,
        reason="accepted",
        gain=0.1,
        first_distance=0.5,
    )


def test_a_stage_without_anything_to_teach_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    row = {"id": "a", "images": [encode_png(Image.new("RGB", (4, 4)))], "prompt": "p", "truth": [NOTHING], "meta": "{}"}
    store = ObjectStore(str(tmp_path))
    csr, vop = (
        stored_dataset(store, f"d/{lesson}", [row], {}, 0, {"instructive": count})
        for lesson, count in (("csr", 5), ("vop", 40))
    )
    caplog.set_level("INFO", logger="viper")
    lack = "Stage csr is left out: 5 samples have something to teach; filter.min_samples is 32."
    assert lack_of_lessons(store, (csr,), 32, "csr") == lack
    assert lack in caplog.text
    assert lack_of_lessons(store, (vop,), 32, "vop") == ""
    assert lack_of_lessons(store, (csr, vop), 32, "both") == ""


def test_rows_are_sorted_over_all_shards_and_each_shows_the_picture_of_its_own(tmp_path: Path) -> None:
    cut = cut_for("filter.min_samples=1")
    worker, shades = worker_for(cut), {"d": 40, "a": 10, "c": 30, "b": 20}
    shards, judged = [], []
    for number, images in enumerate((("c", "b", "a"), ("d", "a"))):  # the pool holds a twice
        pictures = {image: Image.new("RGB", (4, 4), (shades[image],) * 3) for image in images}
        shards.append(shard_of(pictures, number))
        rows = {image: correction(f"{image} of shard {number}") for image in images}
        judged.append(stored("refinements", Refinements(rows), facts={"reasons": {"accepted": len(rows)}}))
    version = inputs.dataset(cut, 1, "csr", cut.base, shards, {"refinements": judged}, None)
    found = list(read_dataset(worker.store, done(version_dataset, version, worker), tmp_path))
    assert [row["id"] for row in found] == ["a", "b", "c", "d"]
    assert [row["images"][0].getpixel((0, 0))[0] for row in found] == [10, 20, 30, 40]
    said = ["a of shard 0", "b of shard 0", "c of shard 0", "d of shard 1"]
    assert [row["prompt"] for row in found] == [cut.world.prompts.refine.format(caption=text) for text in said]
