"""What a VLM wrote: asked again where it cannot be used, and then counted under a reason, so that all counts add up."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from flows.cut import Cut
from flows.synthesis import make_data
from models.payloads import Critiques, FittedText, Refinements
from models.prompt_reader import Prompt
from models.worlds.photographs import PROMPTS
from storage.objects import ObjectStore
from tasks.pages import yields
from tasks.shards import read_payload
from tasks.step import In, Step, perform
from tasks.worker import Worker
from tests.loop import cut_for, worker_for
from viper.records import ArtifactRef, Synthesis

SETTINGS = (
    "world=photographs",
    "pool.images_per_round=8",
    "synthesis.shard_images=5",
    "synthesis.writer=vlm",
    "synthesis.tries=3",
    "synthesis.critiques=1",
    "filter.seeds=1",
    "filter.min_samples=1",
    "filter.max_residual_noise=1000.0",
    "filter.max_nothing_share=0.5",
    "filter.min_edit_noise=0.0",
    "filter.max_spill_noise=1000.0",
    "collapse.enabled=false",
    "benchmarks.suites=['counting']",
    "benchmarks.limit=2",
)
GREEN, YELLOW = "The ball is green.", "Recolor the ball to yellow."
NONE, SORRY, EMPTY = "Nothing to correct.", "I'm sorry, I cannot do that.", ""


def caption(number: int) -> str:
    return f"Dog {number} sits on a bench. A red ball lies left of it."


def followed(number: int) -> str:
    return caption(number).replace("red", "green")


LOST = "The ball is green."
SAID: dict[str, dict[int, list[str]]] = {
    "caption": {1: [EMPTY, SORRY, "<think>A dog"], 2: [SORRY, caption(2)]},
    "critique": {2: [EMPTY, SORRY, "```"], 3: ["The ball is red, not red."] * 3, 6: [NONE]},
    "rewrite": {4: [LOST, EMPTY, LOST], 5: [EMPTY, LOST, caption(5)], 7: [LOST, followed(7)]},
    "operations": {2: [SORRY] * 3, 3: [NONE, EMPTY, NONE], 4: [EMPTY, YELLOW]},
}
"""What the VLM says of a picture, try after try, where it does not do at once as it is asked."""
CSR = {
    "accepted": 2,  # pictures 0 and 7
    "caption could not be read": 1,
    "reply could not be read": 1,
    "wrote no corrections": 1,
    "rewrote what the corrections did not touch": 1,
    "caption unchanged": 1,
    "nothing to correct": 1,
}
VOP = {"accepted": 6, "reply could not be read": 1, "wrote no operations": 1}
ASKED_AGAIN = {"captions": 2 + 1, "critiques": 2 + 2 + 2 + 2 + 1, "plans": 2 + 2 + 1}


class Vlm:
    """Knows a picture by its shade, or by the caption that numbers the dog."""

    def __init__(self, said: dict[str, dict[int, list[str]]]) -> None:
        self.said = said
        self.tries = Counter[tuple[str, int]]()

    def generate(self, prompts: Sequence[Prompt], **_: object) -> list[str]:
        return [self._reply(prompt) for prompt in prompts]

    def _reply(self, prompt: Prompt) -> str:
        kind = next(kind for kind in SAID if prompt.text.startswith(getattr(PROMPTS, kind).partition("{")[0]))
        number = _shade(prompt.images[0]) if prompt.images else int(prompt.text.rpartition("Dog ")[2].split()[0])
        number -= 240 if prompt.images else 0
        usual = {"caption": caption(number), "critique": GREEN, "rewrite": followed(number), "operations": YELLOW}
        found = self.said.get(kind, {}).get(number, [usual[kind]])
        turn = self.tries[kind, number]
        self.tries[kind, number] += 1
        assert turn < len(found), f"{kind} of {number} is asked for once more"
        return found[turn]


def _shade(image: Image.Image) -> int:
    red, _, _ = image.convert("RGB").getpixel((0, 0))  # type: ignore[misc]
    return int(red)


class Painter:
    """Paints what names a green ball of one color, as the pictures are, and all else with a black edge."""

    def fit(self, text: str) -> FittedText:
        return FittedText(text=text)

    def paint(self, captions: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        return [ImageOps.expand(Image.new("RGB", (40, 40), "white"), 4, _edge(text)) for text in captions]

    def edit(self, images: Sequence[Image.Image], said: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        return [Image.new("RGB", image.size, "yellow") for image in images]


def _edge(text: str) -> str:
    return "white" if "green ball" in text else "black"


class Done:
    def __init__(self, ref: ArtifactRef) -> None:
        self._ref = ref

    def result(self) -> ArtifactRef:
        return self._ref


class Direct:
    """A runner without Prefect."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.store = worker, worker.store

    def submit(self, step: Step[In], given: In) -> Done:
        return Done(perform(step, given, self.worker)[0])


Made = Callable[..., tuple[Cut, Direct, Synthesis]]


@pytest.fixture
def synthesize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """The data of a round of eight gray pictures, with what the VLM says; every call in a store of its own."""
    for number in range(8):
        (tmp_path / "pool").mkdir(exist_ok=True)
        Image.new("RGB", (48, 48), (240 + number,) * 3).save(tmp_path / "pool" / f"{number}.png")

    def make(name: str, said: dict[str, dict[int, list[str]]], *changes: str) -> tuple[Cut, Direct, Synthesis]:
        cut = cut_for(*SETTINGS, f"pool.uri={tmp_path / 'pool'}", *changes)
        runner: Any = Direct(worker_for(cut, ObjectStore(str(tmp_path / name))))
        players = {"vlm": Vlm(said), "painter": Painter(), "editor": Painter()}
        for role, player in players.items():
            monkeypatch.setattr(runner.worker, role, lambda _, player=player: player)
        return cut, runner, make_data(runner, cut, 1, cut.base, {})

    return make


def test_every_picture_is_counted_under_one_reason_also_where_nothing_usable_was_written(synthesize: Made) -> None:
    _, runner, made = synthesize("store", SAID)
    counts = yields(runner.store, made)
    assert counts["csr"] == CSR
    assert counts["vop"] == VOP
    assert counts["pool"]["taken"] == sum(counts["csr"].values()) == sum(counts["vop"].values()) == 8
    for product in ("captions", "critiques"):
        again = [runner.store.manifest(ref).meta["asked_again"] for ref in made.products[product]]
        assert sum(again) == ASKED_AGAIN[product]
    plans = [runner.store.find(key) for key in runner.store.list("results/plans")]
    assert sum(runner.store.manifest(ref).meta["asked_again"] for ref in plans) == ASKED_AGAIN["plans"]


def test_only_critiques_whose_caption_kept_the_rest_become_samples(synthesize: Made) -> None:
    _, runner, made = synthesize("store", SAID)
    judged = [read_payload(runner.store, ref, Refinements).root for ref in made.products["refinements"]]
    rows = [row for each in judged for row in each.values()]
    kept = {row.caption: row.refined for row in rows if row.reason == "accepted"}
    assert kept == {caption(0): followed(0), caption(7): followed(7)}
    others = {row.refined for row in rows if row.reason != "accepted"}
    assert others == {caption(number) for number in (2, 3, 4, 5, 6)} | {""}


def test_a_synthesis_that_asks_again_makes_the_same_bits_once_more(synthesize: Made) -> None:
    found = [synthesize(name, SAID)[2] for name in ("one", "another")]
    contents = [{name: [ref.content_sha256 for ref in refs] for name, refs in made.products.items()} for made in found]
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("silent", "left", "why"),
    [("operations", "csr", "8 wrote no operations"), ("critique", "vop", "8 wrote no corrections")],
)
def test_a_lesson_of_which_nothing_was_written_takes_nothing_from_the_other(
    synthesize: Made, silent: str, left: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="viper")
    said = {silent: {number: ["The ball is red, not red."] * 3 for number in range(8)}}
    _, runner, made = synthesize("store", said)
    (missing,) = {"csr", "vop"} - {left}
    assert list(made.datasets) == [left]
    said_so = f"the filter left 0 {missing} samples of 8; filter.min_samples is 1. Reasons: {why}."
    assert made.left_out == {missing: said_so}
    assert f"Nothing is learned of {missing}: {said_so}" in caplog.text
    assert yields(runner.store, made)[left]["accepted"] == 8


def test_without_tries_a_synthesis_asks_once(synthesize: Made) -> None:
    once = {kind: {number: each[:1] for number, each in replies.items()} for kind, replies in SAID.items()}
    _, runner, made = synthesize("store", once, "synthesis.tries=1")
    counts = yields(runner.store, made)
    assert counts["csr"]["caption could not be read"] == 2
    assert sum(counts["csr"].values()) == sum(counts["vop"].values()) == 8
    critiques = read_payload(runner.store, made.products["critiques"][0], Critiques).root
    assert {one.samples for each in critiques.values() for one in each} == {1}
