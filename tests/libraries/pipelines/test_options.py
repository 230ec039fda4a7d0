"""What settings do to a pipeline beside its call: few-step weights, scheduler, VAE, cache, offload, quantization."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from peft import LoraConfig
from safetensors.torch import save_file

from models.pipelines.editor import DiffusersEditor
from models.pipelines.painter import DiffusersPainter
from tests.libraries.pipelines.players import called_with, distance, noise, painter, settings_for
from viper.errors import ModelError, ProfileError
from viper.profiles import load_profile, override

CAPTION, SEED = ["a red cat."], [1]
QWEN = "QwenImagePipeline"
LIGHTNING = {
    "base_image_seq_len": 256,
    "base_shift": 1.0986122886681098,
    "max_image_seq_len": 8192,
    "max_shift": 1.0986122886681098,
    "shift": 1.0,
    "shift_terminal": False,
    "time_shift_type": "exponential",
    "use_dynamic_shifting": True,
}
"""As Qwen-Image-Lightning documents it; its base shift is the logarithm of 3, and it ends at no shift of its own."""


def loaded(name: str = QWEN, **changed: object) -> DiffusersPainter:
    return DiffusersPainter(settings_for(name, **changed))


def paint(one: DiffusersPainter) -> Any:
    return one.paint(CAPTION, SEED)[0]


def lora_folder(folder: Path) -> Path:
    """A LoRA for the tiny Qwen-Image, as diffusers saves it."""
    from diffusers import QwenImagePipeline
    from peft import get_peft_model_state_dict

    pipeline = loaded().pipeline
    torch.manual_seed(3)
    adapter = LoraConfig(r=2, lora_alpha=4, target_modules=["to_q", "to_v"], init_lora_weights=False)
    pipeline.transformer.add_adapter(adapter)
    layers = get_peft_model_state_dict(pipeline.transformer)
    QwenImagePipeline.save_lora_weights(folder, transformer_lora_layers=layers, weight_name="few.safetensors")
    return folder


def test_few_step_weights_and_their_scheduler_are_put_on_the_pipeline(tmp_path: Path) -> None:
    lora = {"lora": str(lora_folder(tmp_path)), "lora_file": "few.safetensors"}
    plain, few = painter(QWEN), loaded(**lora, scheduler=LIGHTNING)
    assert few.pipeline.get_active_adapters() == ["default_0"]
    assert {name: few.pipeline.scheduler.config[name] for name in LIGHTNING} == LIGHTNING
    assert distance(paint(few), paint(plain)) > 1
    shifted = loaded(scheduler=LIGHTNING)
    assert distance(paint(few), paint(shifted)) > 1
    assert distance(paint(plain), paint(shifted)) > 1
    assert paint(few).tobytes() == paint(loaded(**lora, scheduler=LIGHTNING)).tobytes()


def test_few_step_weights_that_are_no_safetensors_are_refused(tmp_path: Path) -> None:
    (tmp_path / "few.safetensors").write_bytes(b"\x80\x04 a pickle")
    with pytest.raises(ModelError, match=r"few\.safetensors in .* is a pickle"):
        loaded(lora=str(tmp_path), lora_file="few.safetensors")
    (tmp_path / "few.safetensors").write_bytes(b"neither")
    with pytest.raises(ModelError, match="cannot be loaded as a diffusers pipeline"):
        loaded(lora=str(tmp_path), lora_file="few.safetensors")


def test_weights_for_another_model_are_refused(tmp_path: Path) -> None:
    save_file({"nothing.lora_A.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match=r"other\.safetensors of .* has no weight for a layer of"):
        loaded(lora=str(tmp_path), lora_file="other.safetensors")
    with pytest.raises(ModelError, match=r"PixArt-Σ takes no lora"):
        loaded("PixArtSigmaPipeline", lora=str(tmp_path), lora_file="other.safetensors")


def test_an_entry_that_the_scheduler_lacks_is_named() -> None:
    with pytest.raises(ModelError, match=r"FlowMatchEulerDiscreteScheduler, has no 'shifft'\. It has: .*shift"):
        loaded(scheduler={"shifft": 1.0})


def test_a_vae_decodes_in_parts_where_it_is_told_to() -> None:
    plain = painter("FluxPipeline")
    sliced, tiled = (loaded("FluxPipeline", **{f"vae_{how}": True}) for how in ("slicing", "tiling"))
    whole, again, seams = (one.paint(CAPTION * 2, [1, 2]) for one in (plain, sliced, tiled))
    assert max(map(distance, whole, again)) <= 1
    # The tiny VAE's tiles are 32 pixels, so a picture of 64 has seams.
    assert min(map(distance, whole, seams)) > 1
    with called_with(plain, side_px=32), called_with(tiled, side_px=32):
        assert paint(plain).tobytes() == paint(tiled).tobytes()


def test_a_pipeline_without_a_vae_says_so() -> None:
    with pytest.raises(ModelError, match=r"has no component 'vae'\. It has: .*transformer"):
        loaded("PRXPixelPipeline", vae_tiling=True)


@pytest.mark.parametrize("name", [QWEN, "FluxPipeline"])
def test_steps_that_change_little_are_skipped_and_none_at_threshold_0(name: str) -> None:
    skipping, computing = loaded(name, cache_threshold=1e9, steps=4), loaded(name, cache_threshold=1e-9, steps=4)
    runs: list[int] = []
    for one in (skipping, computing):
        count = [0]
        blocks = one.pipeline.transformer.transformer_blocks
        blocks[1].attn.register_forward_hook(lambda *_, count=count: count.__setitem__(0, count[0] + 1))
        first, again = paint(one), paint(one)
        assert first.tobytes() == again.tobytes(), "nothing is remembered from picture to picture"
        runs.append(count[0])
    assert runs[0] * 4 == runs[1], "of four steps only the first is computed"
    with called_with(painter(name), steps=4):
        assert distance(paint(painter(name)), paint(computing)) <= 1


@pytest.mark.parametrize("name", ["QwenImageEditPipeline", "QwenImageEditPlusPipeline"])
def test_qwen_s_editors_skip_steps_that_change_little(name: str) -> None:
    skipping = DiffusersEditor(settings_for(name, cache_threshold=1e9, steps=4))
    count = [0]
    block = skipping.pipeline.transformer.transformer_blocks[1]
    block.attn.register_forward_hook(lambda *_: count.__setitem__(0, count[0] + 1))
    skipping.edit([noise(64, 64)], CAPTION, SEED)
    assert count == [2], "of four steps only the first is computed, with and without the instruction"


def test_components_wait_in_main_memory_where_offload_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(DiffusionPipeline, "enable_model_cpu_offload", lambda self, device: asked.append(device))
    settings = settings_for(QWEN).model_copy(update={"device": "cuda:1", "offload": True})
    pipeline = DiffusersPainter(settings).pipeline
    assert asked == ["cuda:1"]
    assert pipeline.device.type == "cpu"
    assert pipeline.model_cpu_offload_seq


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["offload=true"], 'offload is on, but device is "cpu"'),
        (["lora=./few"], "Set both"),
        (["lora=./few", "lora_file=few.bin"], r"Expected a name that ends in \.safetensors"),
        (["quantization=int2"], "torchao-int8"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_when_the_profile_is_read(changes: list[str], told: str) -> None:
    with pytest.raises(ProfileError, match=told):
        override(load_profile("shapes"), [f"models.painter.{one}" for one in changes])


def test_quantized_components_paint_nearly_the_same() -> None:
    pytest.importorskip("torchao")
    for name, parts in ((QWEN, ("transformer",)), ("FluxPipeline", ("transformer", "text_encoder_2"))):
        plain, quantized = painter(name), loaded(name, quantization="torchao-int8", quantized_components=parts)
        for part, module in quantized.pipeline.components.items():
            assert (getattr(module, "hf_quantizer", None) is not None) == (part in parts)
        assert 0 < distance(paint(plain), paint(quantized)) < 64


def test_a_component_that_is_to_be_quantized_must_be_there() -> None:
    pytest.importorskip("torchao")
    with pytest.raises(ModelError, match="has no component 'unet'"):
        loaded(quantization="torchao-int8", quantized_components=("unet",))
