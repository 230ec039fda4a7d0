"""Operations that are longer than an editor reads."""

from collections.abc import Sequence

import pytest
from PIL import Image

from flows import synthesis_inputs as inputs
from models.payloads import FittedText, Plan, Plans, Shortened, Unwritten
from models.sentences import split_sentences
from tasks.editing import edit_images
from tasks.shards import read_payload
from tests.loop import cut_for, done, shard_of, stored, worker_for

CUT = cut_for()


def test_what_an_editor_does_not_read_is_left_out_of_operations_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Editor:
        """Leaves pictures as they are, and reads two sentences."""

        def fit(self, text: str) -> FittedText:
            sentences = split_sentences(text)
            return FittedText(text=" ".join(sentences[:2]), left_out=max(0, len(sentences) - 2))

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
