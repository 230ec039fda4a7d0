"""The operations of a plan are drawn in their order, each with noise of its own."""

from collections.abc import Sequence

import pytest
from PIL import Image

from flows import edit_inputs as inputs
from models.payloads import FittedText, Plan, Plans, Unwritten
from tasks.editing import edit_images
from tasks.shards import read_pictures
from tests.loop import cut_for, done, shard_of, stored, worker_for

CUT = cut_for()
COLORS = {"white": (255, 255, 255), "red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 128, 0)}


class RecordingEditor:
    """Fills a picture with the color that the instruction names, and remembers every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[int, ...], str, int]] = []

    def fit(self, text: str) -> FittedText:
        return FittedText(text=text)

    def edit(
        self, images: Sequence[Image.Image], instructions: Sequence[str], seeds: Sequence[int]
    ) -> list[Image.Image]:
        for image, color, seed in zip(images, instructions, seeds, strict=True):
            self.calls.append((tuple(image.getpixel((0, 0))), color, seed))  # type: ignore[arg-type]
        return [Image.new("RGB", (8, 8), COLORS[color]) for color in instructions]


def plan(image: str, *sentences: str) -> Plan:
    return Plan(image=image, sentences=sentences, regions=None, kinds=("free",) * len(sentences))


def test_each_operation_is_applied_to_the_result_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    editor, worker = RecordingEditor(), worker_for(CUT)
    monkeypatch.setattr(worker, "editor", lambda _: editor)
    shard = shard_of({"a": Image.new("RGB", (8, 8), "white"), "b": Image.new("RGB", (8, 8), "white")})
    plans = Plans({"a/0": plan("a", "red", "blue", "green"), "a/1": plan("a", "blue"), "b/0": plan("b", "green")})
    ref = done(edit_images, inputs.edits(CUT, 1, shard, stored("plans", plans, Unwritten({}))), worker)
    white, red, blue = (COLORS[name] for name in ("white", "red", "blue"))
    assert [(before, color) for before, color, _ in editor.calls] == [
        (white, "red"),  # the first operation of each plan
        (white, "blue"),
        (white, "green"),
        (red, "blue"),  # then the longest plan alone
        (blue, "green"),
    ]
    assert len({seed for *_, seed in editor.calls}) == 5
    last = {name: picture.getpixel((0, 0)) for name, picture in read_pictures(worker.store, ref).items()}
    assert last == {"a/0": COLORS["green"], "a/1": blue, "b/0": COLORS["green"]}
