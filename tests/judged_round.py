"""The judge's steps over a few pictures, with painters that draw what captions of the embedded world name."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows import synthesis_inputs as inputs
from flows.cut import Cut
from models.nothing import says_nothing
from models.payloads import Captions, Critique, Critiques, FittedText, Refinement, Refinements
from models.worlds import find_world
from models.worlds.shapes import grammar
from models.worlds.shapes.scene import Scene, Thing, render
from tasks import filtering, judging, reconstruction, rewriting
from tasks.shards import read_payload
from tests.loop import cut_for, done, shard_of, stored, worker_for
from viper.records import ArtifactRef, Shard

CUT = cut_for("filter.seeds=2")
RULES = find_world("shapes").need_rules()


class DrawingPainter:
    """Draws what a caption names, in shades that the noise seed draws, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.seeds: dict[str, list[int]] = {}

    def fit(self, text: str) -> FittedText:
        return FittedText(text=text)

    def paint(self, captions: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        for caption, seed in zip(captions, seeds, strict=True):
            self.seeds.setdefault(caption, []).append(seed)
        return [
            picture(Scene(tuple(grammar.read_caption(text))), seed) for text, seed in zip(captions, seeds, strict=True)
        ]


def picture(scene: Scene, seed: int) -> Image.Image:
    return Image.fromarray(render(scene, np.random.default_rng(seed)))


def caption_of(*things: Thing) -> str:
    return " ".join(f"a {one.size} {one.color} {one.shape} is at the {one.position}." for one in things)


def said(caption: str, *sentences: tuple[str, int]) -> tuple[Critique, ...]:
    """Corrections that so many draws said, as the critique step writes them."""
    found = []
    for text, samples in sentences:
        refined = RULES.rewrite(caption, text)
        changed = refined != caption
        unusable = "" if changed or says_nothing(text) else "caption unchanged"
        draws = tuple(range(samples))
        found.append(Critique(refinements=text, refined=refined if changed else "", draws=draws, unusable=unusable))
    return tuple(found)


class Round:
    """The judge's steps over some pictures, their captions and what was said of them."""

    def __init__(
        self,
        pictures: dict[str, Image.Image],
        captions: dict[str, str],
        critiques: dict[str, tuple[Critique, ...]],
        painter: DrawingPainter,
        monkeypatch: pytest.MonkeyPatch,
        cut: Cut = CUT,
    ) -> None:
        # A store of its own: nothing that another painter painted is found.
        monkeypatch.setenv("VIPER_HOME", tempfile.mkdtemp(dir=Path(os.environ["VIPER_HOME"]).parent))
        self.worker = worker_for(cut)
        monkeypatch.setattr(self.worker, "painter", lambda _: painter)
        self.shard: Shard = shard_of(pictures)
        texts, drawn = stored("captions", Captions(captions)), stored("critiques", Critiques(critiques))
        self.paintings = self._done(reconstruction.paint_captions, inputs.paintings(cut, 1, self.shard, texts))
        self.noise = self._done(reconstruction.measure_noise, inputs.noise(cut, 1, texts, self.paintings))
        asked = inputs.judgements(cut, 1, self.shard, texts, self.paintings, drawn, self.noise)
        self.judgements = self._done(judging.judge_corrections, asked)
        together = inputs.unions(cut, 1, cut.base, self.shard, texts, drawn, self.judgements)
        unions = self._done(rewriting.put_together, together)
        found = inputs.refinements(
            cut, 1, self.shard, texts, self.paintings, drawn, self.judgements, unions, self.noise
        )
        self.refinements = self._done(filtering.filter_critiques, found)

    def _done(self, step: object, given: object) -> ArtifactRef:
        return done(step, given, self.worker)  # type: ignore[arg-type, type-var]

    def rows(self) -> dict[str, Refinement]:
        return read_payload(self.worker.store, self.refinements, Refinements).root
