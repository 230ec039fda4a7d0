"""Models leave the memory when a step works with others, and before a training starts."""

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from flows import synthesis_inputs as inputs
from tasks import worker as module
from tasks.generation import caption_images
from tasks.reconstruction import paint_captions
from tasks.step import Role
from tasks.worker import Worker
from tests.loop import cut_for, done, shard_of, worker_for
from tests.unit.tasks.test_suites import picture
from viper.records import Shard


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path / "home"))


CUT = cut_for("synthesis.batch=2")


def shard() -> Shard:
    import io

    from PIL import Image

    return shard_of({"a": Image.open(io.BytesIO(picture(1))).convert("RGB").resize((48, 48))})


def loaded(worker: Worker, role: Role) -> "weakref.ref[torch.nn.Module]":
    """What the worker holds for a role."""
    roles: dict[Role, Any] = {
        "vlm": lambda: worker.vlm(CUT.vlm(CUT.base)).model,
        "painter": lambda: worker.painter(CUT.painter).pipeline.transformer,  # type: ignore[attr-defined]
        "editor": lambda: worker.editor(CUT.editor).pipeline.transformer,  # type: ignore[attr-defined]
    }
    return weakref.ref(roles[role]())


def test_a_step_has_the_memory_for_its_own_models() -> None:
    worker, one = worker_for(CUT), shard()
    captions = done(caption_images, inputs.captions(CUT, 1, CUT.base, one), worker)
    vlm = loaded(worker, "vlm")
    weights = sum(value.numel() for value in vlm().parameters())  # type: ignore[union-attr]
    before = live_parameters()
    done(paint_captions, inputs.paintings(CUT, 1, one, captions), worker)
    assert vlm() is None
    painter = loaded(worker, "painter")
    painted = sum(value.numel() for value in painter().parameters())  # type: ignore[union-attr]
    assert live_parameters() < before - weights + 3 * painted  # with its text encoder and the like
    done(caption_images, inputs.captions(CUT, 1, CUT.base, shard_of({})), worker)
    assert painter() is None


def live_parameters() -> int:
    """Numbers in all parameters that somebody holds."""
    gc.collect()
    return sum(one.numel() for one in gc.get_objects() if type(one) is torch.nn.Parameter)


def test_a_step_without_models_leaves_them_and_a_training_does_not() -> None:
    worker = worker_for(CUT)
    with worker.working_on("captions", ("vlm",)):
        vlm = loaded(worker, "vlm")
    with worker.working_on("filter", ()):
        pass
    assert vlm() is not None
    with worker.working_on("training", ("training",)):
        assert vlm() is None


def test_the_models_of_a_step_with_several_roles_stay_together() -> None:
    worker = worker_for(CUT)
    with worker.working_on("judge", ("painter", "judge")):
        painter = loaded(worker, "painter")
        worker.judge(CUT.judge)
    with worker.working_on("paint", ("painter",)):
        assert painter() is not None


def test_a_step_that_asks_for_a_model_that_it_does_not_declare_is_told() -> None:
    worker = worker_for(CUT)
    with (
        worker.working_on("captions", ("vlm",)),
        pytest.raises(RuntimeError, match="asks for the painter, but declares"),
    ):
        worker.painter(CUT.painter)


def test_an_accelerator_is_asked_to_give_the_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "empty_cache", lambda: asked.append(True))
    module.free_memory()
    assert asked
