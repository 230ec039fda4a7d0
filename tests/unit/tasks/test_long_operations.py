"""Operations that are longer than an editor reads."""

from collections.abc import Sequence

import pytest
from PIL import Image

from flows import edit_inputs as inputs
from models.payloads import FittedText, Noise, Operations, Plan, Plans, Shortened, Unwritten
from models.sentences import split_sentences
from tasks.editing import edit_images
from tasks.filtering import filter_edits
from tasks.shards import read_payload, read_pictures
from tests.loop import cut_for, done, shard_of, stored, worker_for

CUT = cut_for()


def test_an_edit_whose_operations_an_editor_does_not_read_is_not_made_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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
    shard = shard_of({"a": Image.new("RGB", (48, 48), "white")})
    plans = {"a/0": plan_of("Add a cat.", "Go. Turn. Stop."), "a/1": plan_of("Add a dog.", "Go. Turn.")}
    written = stored("plans", Plans(plans), Unwritten({"a/2": "wrote no operations"}))
    made = done(edit_images, inputs.edits(CUT, 1, shard, written), worker)
    assert asked == ["Add a dog.", "Go. Turn."]
    assert read_payload(worker.store, made, Shortened).root == {"a/0/1": FittedText(text="Go. Turn.", left_out=1)}
    assert set(read_payload(worker.store, made, Plans).root) == set(read_pictures(worker.store, made)) == {"a/1"}
    meta = worker.store.manifest(made).meta
    assert (meta["edits"], meta["shortened"], meta["sentences_left_out"]) == (1, 1, 1)
    judged = done(filter_edits, inputs.operations(CUT, shard, made, stored("noise", Noise(0.05))), worker)
    assert set(read_payload(worker.store, judged, Operations).root) == {"a/1"}
    assert worker.store.manifest(judged).meta["reasons"] == {
        "nothing changed": 1,
        "not read by the editor": 1,
        "wrote no operations": 1,
    }


def plan_of(*sentences: str) -> Plan:
    return Plan(image="a", sentences=sentences, regions=None, kinds=("free",) * len(sentences))
