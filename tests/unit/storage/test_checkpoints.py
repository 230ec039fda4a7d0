"""Training checkpoints: kept without pickles, restored bit by bit, newest whole one wins."""

import json
import random
import shutil
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from pydantic import JsonValue

from storage.checkpoints import newest_checkpoint, restore_checkpoint, save_checkpoint
from storage.layout import checkpoint_key, checkpoint_prefix
from storage.objects import ObjectStore
from storage.tensors import pack_state, unpack_state
from storage.uploads import BackgroundUploader
from viper.errors import CheckpointMismatch, StoreError, StoreUnavailable

IDENTITY: dict[str, JsonValue] = {"data": "3fa9", "learning_rate": 4e-4, "seed": 7}
PREFIX = checkpoint_prefix("e", 1, "csr", "t")


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


def key_of(step: int) -> str:
    return checkpoint_key("e", 1, "csr", "t", step)


def assert_same_bits(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for name in expected:
            assert_same_bits(found[name], expected[name])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same_bits(one, other)
    elif isinstance(expected, torch.Tensor):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert found.contiguous().view(-1).numpy().tobytes() == expected.contiguous().view(-1).numpy().tobytes()
    elif isinstance(expected, numpy.ndarray | numpy.generic):
        assert (found.dtype, found.shape, found.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())
    elif isinstance(expected, float):
        assert found.hex() == expected.hex()
    else:
        assert found == expected


def write_trainer_folder(folder: Path, steps: int = 3) -> dict[str, Any]:
    """The files of transformers' Trainer, with the states of a real optimizer, schedule and random generators."""
    torch.manual_seed(steps)
    model = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, amsgrad=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step / 3))
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(8, 5)).square().sum().backward()
        optimizer.step()
        scheduler.step()
    numpy.random.seed(steps)
    numpy.random.standard_normal()
    states = {
        "optimizer.pt": optimizer.state_dict(),
        "scheduler.pt": scheduler.state_dict(),
        "rng_state.pth": {
            "python": random.getstate(),
            "numpy": numpy.random.get_state(),
            "cpu": torch.random.get_rng_state(),
        },
    }
    folder.mkdir(parents=True)
    for name, state in states.items():
        torch.save(state, folder / name)
    (folder / "adapter_model.safetensors").write_bytes(b"adapter" * 1000)
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": steps}))
    torch.save({"any": "thing"}, folder / "training_args.bin")
    return states


def load(path: Path) -> Any:
    return torch.load(path, weights_only=False)


def test_a_checkpoint_comes_back_bit_by_bit(store: ObjectStore, tmp_path: Path) -> None:
    states = write_trainer_folder(tmp_path / "checkpoint-3")
    ref = save_checkpoint(store, key_of(3), tmp_path / "checkpoint-3", IDENTITY)
    folder = restore_checkpoint(store, ref, tmp_path / "restored" / "checkpoint-3", IDENTITY)
    assert {path.name for path in folder.iterdir()} == {*states, "adapter_model.safetensors", "trainer_state.json"}
    for name, state in states.items():
        assert_same_bits(load(folder / name), state)
    assert (folder / "adapter_model.safetensors").read_bytes() == b"adapter" * 1000


def test_restored_random_generators_draw_the_same_numbers(store: ObjectStore, tmp_path: Path) -> None:
    states = write_trainer_folder(tmp_path / "checkpoint-3")["rng_state.pth"]
    expected = random.random(), numpy.random.standard_normal()
    ref = save_checkpoint(store, key_of(3), tmp_path / "checkpoint-3", IDENTITY)
    restored = load(restore_checkpoint(store, ref, tmp_path / "restored", IDENTITY) / "rng_state.pth")
    random.setstate(states["python"])
    random.setstate(restored["python"])
    numpy.random.set_state(restored["numpy"])
    assert (random.random(), numpy.random.standard_normal()) == expected


def test_the_trainers_own_loader_accepts_the_restored_files(store: ObjectStore, tmp_path: Path) -> None:
    from transformers.trainer_pt_utils import safe_globals

    write_trainer_folder(tmp_path / "checkpoint-3")
    ref = save_checkpoint(store, key_of(3), tmp_path / "checkpoint-3", IDENTITY)
    folder = restore_checkpoint(store, ref, tmp_path / "restored", IDENTITY)
    with safe_globals():
        for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
            torch.load(folder / name, weights_only=True)


def test_nothing_in_the_store_is_a_pickle(store: ObjectStore, tmp_path: Path) -> None:
    write_trainer_folder(tmp_path / "checkpoint-3")
    ref = save_checkpoint(store, key_of(3), tmp_path / "checkpoint-3", IDENTITY)
    assert {Path(name).suffix for name in store.manifest(ref).entries} == {".safetensors", ".json"}


def test_unusual_states_survive_packing() -> None:
    shared = torch.arange(12.0).reshape(3, 4)
    state = {
        0: [1, -0.0, float("inf"), 1e-320, True, None, "x", b"\0\xff"],
        "nan": (float("nan"),),
        "ordered": OrderedDict(b=1, a=2),
        "shared": [shared, shared, shared[1], shared.t()],
        "types": [torch.tensor(3, dtype=torch.int64), torch.zeros(0), torch.ones(2, dtype=torch.bfloat16).float()],
        "numbers": [numpy.float32(0.1), numpy.int64(-3)],
        "large": 2**80,
    }
    skeleton, tensors = pack_state(state)
    found = unpack_state(json.loads(json.dumps(skeleton)), tensors)
    assert found.pop("nan")[0] != 0
    state.pop("nan")
    assert_same_bits(found, state)


def test_a_state_that_needs_pickle_is_refused_by_its_place(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"state\['when'\]\[0\] is a pathlib\.\w+"):
        pack_state({"when": [Path("x")]})
    write_trainer_folder(tmp_path / "checkpoint-3")
    torch.save({"path": Path("x")}, tmp_path / "checkpoint-3" / "scheduler.pt")
    with pytest.raises(StoreError, match=r"scheduler\.pt holds more than tensors"):
        save_checkpoint(store, key_of(3), tmp_path / "checkpoint-3", IDENTITY)
    assert store.find(key_of(3)) is None


def test_a_checkpoint_of_another_training_is_refused_by_the_fields_that_differ(
    store: ObjectStore, tmp_path: Path
) -> None:
    write_trainer_folder(tmp_path / "checkpoint-3")
    ref = save_checkpoint(store, key_of(3), tmp_path / "checkpoint-3", IDENTITY)
    other = {"data": "3fa9", "learning_rate": 1e-3, "code": "2"}
    with pytest.raises(
        CheckpointMismatch, match=r"code is None.*; learning_rate is 0\.0004.*0\.001 now; seed"
    ) as caught:
        restore_checkpoint(store, ref, tmp_path / "restored", other)
    assert "data is" not in str(caught.value)
    assert not (tmp_path / "restored").exists()


def test_other_code_may_be_allowed_and_nothing_else_with_it(store: ObjectStore, tmp_path: Path) -> None:
    write_trainer_folder(tmp_path / "checkpoint-3")
    ref = save_checkpoint(store, key_of(3), tmp_path / "checkpoint-3", {**IDENTITY, "code": "1"})
    with pytest.raises(CheckpointMismatch, match=r"code is '1' in the checkpoint and '2' now\. .*--allow-code-change"):
        restore_checkpoint(store, ref, tmp_path / "restored", {**IDENTITY, "code": "2"})
    restore_checkpoint(store, ref, tmp_path / "restored", {**IDENTITY, "code": "2"}, {"code"})
    with pytest.raises(CheckpointMismatch, match="seed is"):
        restore_checkpoint(store, ref, tmp_path / "other", {**IDENTITY, "code": "2", "seed": -1}, {"code"})


def test_restoring_replaces_the_half_checkpoint_of_a_killed_trainer(store: ObjectStore, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint-3"
    states = write_trainer_folder(folder)
    ref = save_checkpoint(store, key_of(3), folder, IDENTITY)
    (folder / "optimizer.pt").write_bytes(b"torn")
    (folder / "left-over").write_text("x")
    restore_checkpoint(store, ref, folder, IDENTITY)
    assert_same_bits(load(folder / "optimizer.pt"), states["optimizer.pt"])
    assert not (folder / "left-over").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("damage", ["flipped", "lost", "manifest", "reference"])
def test_the_newest_whole_checkpoint_wins_and_a_torn_one_can_be_saved_again(
    store: ObjectStore, tmp_path: Path, damage: str
) -> None:
    for step in (9, 10, 100):
        write_trainer_folder(tmp_path / f"checkpoint-{step}", steps=1)
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(str(step))
        save_checkpoint(store, key_of(step), tmp_path / f"checkpoint-{step}", IDENTITY)
    newest = newest_checkpoint(store, PREFIX)
    assert newest is not None
    step, ref = newest
    assert (step, ref.uri) == (100, key_of(100))
    torn = store.manifest(ref).entries["trainer_state.json"].stored[0] if damage in {"flipped", "lost"} else ref.sha256
    path = Path(store.root) / "objects" / "sha256" / torn[:2] / torn
    if damage == "reference":
        path = Path(store.root) / "refs" / f"{key_of(100)}.json"
    path.unlink() if damage == "lost" else path.write_bytes(b"torn")
    older = newest_checkpoint(store, PREFIX)
    assert older is not None
    assert older[0] == 10
    save_checkpoint(store, key_of(100), tmp_path / "checkpoint-100", IDENTITY)
    assert newest_checkpoint(store, PREFIX) == (100, ref)


def test_without_checkpoints_there_is_no_newest(store: ObjectStore) -> None:
    assert newest_checkpoint(store, PREFIX) is None


def test_uploads_survive_the_trainers_rotation(store: ObjectStore, tmp_path: Path) -> None:
    with BackgroundUploader(store) as uploader:
        for step in (1, 2, 3, 4):
            folder = tmp_path / "run" / f"checkpoint-{step}"
            write_trainer_folder(folder, steps=step)
            uploader.submit(key_of(step), folder, IDENTITY)
            (folder / "trainer_state.json").write_text("rewritten")
            shutil.rmtree(folder)
    assert list(store.list(PREFIX)) == [key_of(step) for step in (1, 2, 3, 4)]
    for step in (1, 2, 3, 4):
        ref = store.find(key_of(step))
        assert ref is not None
        assert json.loads(store.read(ref, "trainer_state.json")) == {"global_step": step}
    assert list((tmp_path / "run").iterdir()) == []


def test_the_first_failed_upload_is_raised_at_the_end_and_the_others_are_kept(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ObjectStore.commit

    def commit(self: ObjectStore, key: str, *rest: Any) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        if key != key_of(3):
            raise StoreUnavailable(f"no answer for {key}")
        return whole(self, key, *rest)

    monkeypatch.setattr(ObjectStore, "commit", commit)
    write_trainer_folder(tmp_path / "checkpoint")
    uploader = BackgroundUploader(store)
    for step in (1, 2, 3):
        uploader.submit(key_of(step), tmp_path / "checkpoint", IDENTITY)
    with pytest.raises(StoreUnavailable, match=key_of(1)):
        uploader.close()
    assert store.find(key_of(3)) is not None
