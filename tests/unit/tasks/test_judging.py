"""The judge as steps: refined captions are painted with the noise of the first ones, and the best critique stands."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from storage.images import encode_png
from tasks import reconstruction
from tasks.filtering import best_critique
from tasks.step import open_store
from viper.profiles import load_profile, override
from viper.records import ArtifactRef, Shard

SETTINGS = override(load_profile("shapes"), ["filter.seeds=2", "filter.min_gain=0.0"])
IMAGES = ("image-a", "image-b")


class RecordingPainter:
    """Paints every caption gray, and remembers which noise seeds each was painted with."""

    def __init__(self) -> None:
        self.seeds: dict[str, list[int]] = {}

    def paint(self, captions: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        for caption, seed in zip(captions, seeds, strict=True):
            self.seeds.setdefault(caption, []).append(seed)
        return [Image.new("RGB", (48, 48), "gray") for _ in captions]


def artifact(key: str, name: str, content: Any) -> ArtifactRef:
    return open_store().commit(f"results/judging/{key}", key, {name: json.dumps(content).encode()})


def test_a_refined_caption_is_painted_with_the_noise_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    painter = RecordingPainter()
    monkeypatch.setattr(reconstruction, "load_painter", lambda _: painter)
    png = encode_png(Image.new("RGB", (48, 48), "white"))
    pool = open_store().commit("results/judging/pool", "pool", {f"0000/{image}.png": png for image in IMAGES})
    shard = Shard(pool=pool, number=0)
    captions = artifact("captions", "captions.json", {image: f"first of {image}" for image in IMAGES})
    written = {
        image: [{"refinements": "x", "refined": f"{n} of {image}", "samples": 1} for n in ("one", "two")]
        for image in IMAGES
    }
    critiques = artifact("critiques", "critiques.json", written)
    reconstruction.paint_captions.fn(SETTINGS, 1, shard, captions)
    reconstruction.paint_refined.fn(SETTINGS, 1, shard, critiques)
    for image in IMAGES:
        first = painter.seeds[f"first of {image}"]
        assert len(set(first)) == 2
        assert painter.seeds[f"one of {image}"] == painter.seeds[f"two of {image}"] == first
    assert painter.seeds["first of image-a"] != painter.seeds["first of image-b"]


def test_of_several_accepted_critiques_the_one_that_gained_most_stands() -> None:
    critiques = [
        {"refinements": f"correction {name}", "refined": name, "samples": samples}
        for name, samples in (("little", 3), ("most", 1), ("worse", 4))
    ]
    # The first painting is .5 away; the refined ones come closer by .1 and .3, and one goes away by .2.
    refined = {"little": [0.4, 0.4], "most": [0.2, 0.2], "worse": [0.7, 0.7]}
    chosen, decision = best_critique(critiques, "first", [0.5, 0.5], refined, SETTINGS)
    assert chosen["refined"] == "most"
    assert decision.kept
    assert decision.gain == pytest.approx(0.3)


def test_where_no_critique_stands_the_least_bad_rejection_is_told() -> None:
    critiques = [{"refinements": f"correction {n}", "refined": n, "samples": 1} for n in ("bad", "worse")]
    chosen, decision = best_critique(critiques, "first", [0.5, 0.5], {"bad": [0.6, 0.6], "worse": [0.9, 0.9]}, SETTINGS)
    assert (chosen["refined"], decision.kept, decision.reason) == ("bad", False, "painting not closer")
