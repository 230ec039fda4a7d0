"""Adapters stay beside the weights: nothing that was learned is lost to bfloat16, stage by stage, round by round."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from models.adapters import put_on, save_adapter
from models.families import find_family
from models.merging import merge
from models.prompt_reader import Prompt
from models.trainable import load_trainable, save_trained
from models.vlm import Vlm, load_vlm
from tests.grpo import ADAPTATION, TEXT, Rows, random_model, three_rows, trainer_of, weights
from viper.errors import ModelError
from viper.settings import VlmSettings

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*is deprecated:FutureWarning")
ROUNDS_OF_STAGES = 4
"""Two rounds of two stages."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> VlmSettings:
    """Random weights, in bfloat16 as models on the hub are."""
    settings = random_model(tmp_path_factory.mktemp("random"))
    folder = tmp_path_factory.mktemp("bfloat16")
    load_vlm(settings.model_copy(update={"dtype": "bfloat16"})).save(folder)
    return settings.model_copy(update={"path": str(folder), "dtype": "bfloat16"})


@pytest.fixture(scope="module")
def rows() -> Rows:
    return three_rows()


def wide(model: VlmSettings) -> VlmSettings:
    return model.model_copy(update={"dtype": "float32"})


def logits(vlm: Vlm, rows: Rows) -> torch.Tensor:
    inputs = vlm.inputs([Prompt(row["prompt"], tuple(row["images"])) for row in rows])
    with torch.no_grad():
        found: torch.Tensor = vlm.model(**inputs).logits
    return found.float()[inputs["attention_mask"].bool()]


def trained(model: VlmSettings, rows: Rows, folder: Path, adapter: str = "", **changes: Any) -> tuple[Any, Path]:
    """The trainer at the end of a stage, and the folder of what it made."""
    trainer = trainer_of(model, rows, folder / "work", steps=2, adapter=adapter, **changes)
    trainer.train()
    made = folder / "made"
    made.mkdir()
    save_trained(trainer, "", "", made)
    return trainer, made


@pytest.mark.parametrize("rate", [1e-5, pytest.param(1e-4, marks=pytest.mark.slow)])
def test_an_adapter_goes_on_through_stages_and_rounds_and_is_served_as_it_was_trained(
    model: VlmSettings, rows: Rows, tmp_path: Path, rate: float
) -> None:
    rounding = (logits(load_vlm(model), rows) - logits(load_vlm(wide(model)), rows)).abs().max()
    adapter, before = "", None
    for stage in range(ROUNDS_OF_STAGES):
        trainer, made = trained(model, rows, tmp_path / str(stage), adapter, learning_rate=rate)
        learned, stored = weights(trainer.model), load_file(made / "adapter_model.safetensors")
        assert {value.dtype for value in stored.values()} == {torch.float32}
        for name, value in stored.items():
            assert torch.equal(value, learned[name.replace(".weight", ".default.weight")]), name
        if before is not None:  # it went on: it is near to what it was, and not from scratch, whose lora_B is zero
            moved = {name: (value - before[name]).abs().max() for name, value in stored.items()}
            assert 0 < max(moved.values()) < 4 * rate
            assert all(before[name].any() for name in before)
        # Served: the same sums as in the trainer, and those of 32 bits up to what bfloat16 rounds anyway.
        served = logits(load_vlm(model, str(made)), rows)
        bare = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
        inside = Vlm(bare.eval(), trainer.processing_class)
        assert torch.equal(served, logits(inside, rows))
        assert (served - logits(load_vlm(wide(model), str(made)), rows)).abs().max() <= 2 * rounding
        adapter, before = str(made), stored


@pytest.mark.parametrize("rate", [1e-5, pytest.param(1e-4, marks=pytest.mark.slow)])
def test_all_weights_are_kept_in_32_bits_through_stages_and_rounds(
    model: VlmSettings, rows: Rows, tmp_path: Path, rate: float
) -> None:
    start = model
    for stage in range(ROUNDS_OF_STAGES):
        at_first = weights(load_trainable(start, ADAPTATION.model_copy(update={"method": "full"}), "")[0].model)
        trainer, made = trained(start, rows, tmp_path / str(stage), learning_rate=rate, method="full")
        learned, following = weights(trainer.model), model.model_copy(update={"path": str(made)})
        moved = [name for name, value in learned.items() if not torch.equal(value, at_first[name])]
        assert moved
        kept, served = weights(load_vlm(wide(following)).model), weights(load_vlm(following).model)
        for name, value in learned.items():
            assert value.dtype == torch.float32
            assert torch.equal(kept[name], value), name
            assert torch.equal(served[name], value.bfloat16()), name
        start = following


def test_merged_in_bfloat16_most_of_it_would_be_lost(model: VlmSettings, rows: Rows, tmp_path: Path) -> None:
    _, made = trained(model, rows, tmp_path, learning_rate=1e-5)
    shares = {}
    for dtype in ("float32", "bfloat16"):
        (tmp_path / dtype).mkdir()
        shares[dtype] = merge(model, str(made), model, dtype, tmp_path / dtype)  # type: ignore[arg-type]
    base, whole = (load_vlm(wide(model)).model, load_vlm(wide(model), str(made)).model)
    merged = {name: load_file(tmp_path / name / "model.safetensors") for name in shares}
    # By hand: what each of the layers was given, and what is left of it in the merged weights.
    found, lost = 0.0, 0.0
    for name, layer in whole.named_modules():
        if not hasattr(layer, "get_delta_weight"):
            continue
        update, weight = layer.get_delta_weight("default").detach(), base.get_submodule(name).weight.detach()
        saved = {key.split("layers.")[-1]: value for key, value in merged["bfloat16"].items()}
        kept = saved[f"{name.split('layers.')[-1]}.weight"].float() - weight
        found, lost = found + float(update.square().sum()), lost + float((kept - update).square().sum())
    assert shares["float32"] < 1e-6
    assert shares["bfloat16"] == pytest.approx((lost / found) ** 0.5, rel=1e-3)
    assert shares["bfloat16"] > 0.5
    assert {value.dtype for value in merged["bfloat16"].values()} == {torch.bfloat16}


def test_all_weights_that_learn_after_an_adapter_start_with_it_in_them(
    model: VlmSettings, rows: Rows, tmp_path: Path
) -> None:
    _, made = trained(model, rows, tmp_path, learning_rate=1e-2)
    vlm, config = load_trainable(model, ADAPTATION.model_copy(update={"method": "full"}), str(made))
    assert config is None
    expected = weights(put_on(load_vlm(wide(model)).model, str(made)).merge_and_unload())
    assert all(torch.equal(value, expected[name]) for name, value in weights(vlm.model).items())
    assert any(parameter.requires_grad for parameter in vlm.model.parameters())


@pytest.fixture(scope="module")
def adapter(model: VlmSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    adapted = get_peft_model(
        load_vlm(model).model,
        LoraConfig(r=4, lora_alpha=4, target_modules=find_family("qwen2_5_vl").adapters),
    )
    save_adapter(adapted, "lab/vlm", "0" * 40, folder)
    return folder


def test_an_adapter_s_folder_names_its_base_and_nothing_of_the_machine(model: VlmSettings, adapter: Path) -> None:
    assert {path.name for path in adapter.iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == ("lab/vlm", "0" * 40)
    assert model.path not in (adapter / "adapter_config.json").read_text()


def test_an_adapter_of_another_form_is_refused(model: VlmSettings, adapter: Path) -> None:
    lora = ADAPTATION.lora.model_copy(update={"rank": 8})  # type: ignore[union-attr]
    with pytest.raises(ModelError, match=r"rank 4, but training.lora.rank is 8.*set it back"):
        load_trainable(model, ADAPTATION.model_copy(update={"lora": lora}), str(adapter))


@pytest.mark.parametrize("change", ["missing", "strange", "shape"])
def test_an_adapter_of_another_model_is_refused(model: VlmSettings, adapter: Path, tmp_path: Path, change: str) -> None:
    folder = Path(shutil.copytree(adapter, tmp_path / "changed"))
    tensors = load_file(folder / "adapter_model.safetensors")
    first = sorted(tensors)[0]
    value = tensors[first] if change == "shape" else tensors.pop(first)
    if change == "strange":
        tensors[first.replace("layers.0", "layers.99")] = value
    if change == "shape":
        tensors[first] = torch.zeros(value.shape[0], value.shape[1] + 1)
    save_file(tensors, folder / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="adapter"):
        load_vlm(model, str(folder))


def test_a_folder_without_an_adapter_or_with_a_pickle_is_refused(
    model: VlmSettings, adapter: Path, tmp_path: Path
) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ModelError, match="cannot be loaded as a LoRA adapter"):
        load_vlm(model, str(tmp_path / "nothing"))
    folder = Path(shutil.copytree(adapter, tmp_path / "pickle"))
    torch.save({}, folder / "adapter_model.bin")
    with pytest.raises(ModelError, match="is a pickle"):
        load_vlm(model, str(folder))


def test_a_model_with_an_adapter_replies_as_the_merged_one(model: VlmSettings, rows: Rows, tmp_path: Path) -> None:
    _, made = trained(model, rows, tmp_path, learning_rate=1e-2)
    (tmp_path / "merged").mkdir()
    merge(model, str(made), model, "float32", tmp_path / "merged")
    asked = [Prompt(TEXT, tuple(row["images"])) for row in rows]
    beside = load_vlm(wide(model), str(made))
    within = load_vlm(wide(model.model_copy(update={"path": str(tmp_path / "merged")})))
    said = beside.generate(asked, max_new_tokens=12, batch=2)
    assert said == within.generate(asked, max_new_tokens=12, batch=2)
    torch.testing.assert_close(logits(beside, rows), logits(within, rows), atol=1e-5, rtol=1e-4)
    assert (logits(beside, rows) - logits(load_vlm(wide(model)), rows)).abs().max() > 1e-2
