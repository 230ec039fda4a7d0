"""What a pipeline cannot do is said before any weights are read, with what to do."""

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from models.pipelines import call, loading
from models.pipelines.checks import check_pipeline, editor_shapes
from models.pipelines.editor import DiffusersEditor
from models.pipelines.families import known_families
from models.pipelines.family import Role
from models.pipelines.loading import load_pipeline
from models.pipelines.painter import DiffusersPainter
from tests.libraries.pipelines.players import settings_for
from viper.errors import ModelError
from viper.profiles import load_profile
from viper.settings import DiffusionSettings


def folder(path: Path, index: object, transformer: object = None) -> str:
    """A pipeline's small files, without weights."""
    path.mkdir(exist_ok=True)
    (path / "model_index.json").write_text(json.dumps(index))
    if transformer is not None:
        (path / "transformer").mkdir()
        (path / "transformer" / "config.json").write_text(json.dumps(transformer))
    return str(path)


def settings(path: str, **changed: object) -> DiffusionSettings:
    plain = {"path": path, "device": "cpu", "dtype": "float32", "side_px": 64, "guidance": 3.0}
    return DiffusionSettings.model_validate({**plain, **changed})


@pytest.mark.parametrize("name", ["LongCatImageEditPipeline", "JoyImageEditPipeline", "Flux2Pipeline", "OwnPipeline"])
@pytest.mark.parametrize("refuse", [check_pipeline, load_pipeline])
def test_a_family_that_the_table_lacks_is_refused_with_how_to_add_it(
    name: str, refuse: Callable[[DiffusionSettings, Role], Any], tmp_path: Path
) -> None:
    told = rf"is a {name}, which nobody told how to call\. Known editors: .*OmniGenPipeline.*Add a line to FAMILIES"
    with pytest.raises(ModelError, match=told):
        refuse(settings(folder(tmp_path / "model", {"_class_name": name})), "editor")


def test_a_pipeline_is_refused_in_a_role_that_is_not_its(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a FluxPipeline, which is no editor\. Give one of: .*FluxKontextPipeline"):
        check_pipeline(settings(folder(tmp_path / "flux", {"_class_name": "FluxPipeline"})), "editor")
    with pytest.raises(ModelError, match="is a OmniGenPipeline, which is no painter"):
        check_pipeline(settings(folder(tmp_path / "omni", {"_class_name": "OmniGenPipeline"})), "painter")


@pytest.mark.parametrize("name", [name for name, family in known_families().items() if not family.package])
def test_the_parts_of_a_family_are_those_of_its_class(name: str) -> None:
    kind, parts = loading.pipeline_class(name), known_families()[name].parts
    takes = {one.name: one.default is one.empty for one in inspect.signature(kind.__init__).parameters.values()}
    needed = {one for one, must in takes.items() if must and one not in (*kind._optional_components, "self")}
    assert needed <= set(parts) <= set(takes)
    extra = {
        "text_encoder",
        "tokenizer",
        "text_encoder_2",
        "tokenizer_2",
    }  # without them, it has to be given embeddings
    assert set(parts) - needed == extra & (set(takes) - needed)


def test_the_embedded_pipelines_are_known() -> None:
    models = load_profile("shapes").models
    check_pipeline(models.painter, "painter")
    check_pipeline(models.editor, "editor")


def test_a_side_that_the_family_does_not_take_is_named(tmp_path: Path) -> None:
    path = folder(tmp_path / "sana", {"_class_name": "SanaPipeline"})
    check_pipeline(settings(path, side_px=96), "painter")
    with pytest.raises(ModelError, match=r"is 80, but Sana takes multiples of 32 only\. Set it to 64\."):
        check_pipeline(settings(path, side_px=80), "painter")
    with pytest.raises(ModelError, match=r"Set it to 32\."):
        check_pipeline(settings(path, side_px=8), "painter")


@pytest.mark.parametrize(
    ("index", "transformer", "role"),
    [
        ({"_class_name": "FluxPipeline"}, {"guidance_embeds": False}, "painter"),  # FLUX.1 schnell
        ({"_class_name": "FluxKontextPipeline"}, {}, "editor"),
        ({"_class_name": "Flux2KleinPipeline", "is_distilled": True}, None, "editor"),
        ({"_class_name": "Flux2KleinPipeline", "is_distilled": True}, None, "painter"),
    ],
)
def test_a_guidance_that_a_distilled_model_would_ignore_is_refused(
    index: object, transformer: object, role: Role, tmp_path: Path
) -> None:
    path = folder(tmp_path / "model", index, transformer)
    check_pipeline(settings(path, guidance=1.0), role)
    with pytest.raises(ModelError, match=r"is 3\.0, but this FLUX.* was made to paint without\. Set guidance to 1\."):
        check_pipeline(settings(path), role)


def test_a_guidance_that_the_model_was_distilled_with_is_taken(tmp_path: Path) -> None:
    path = folder(tmp_path / "model", {"_class_name": "FluxPipeline"}, {"guidance_embeds": True})
    check_pipeline(settings(path), "painter")


def test_steps_are_skipped_only_where_the_transformer_can(tmp_path: Path) -> None:
    path = folder(tmp_path / "model", {"_class_name": "ZImagePipeline"})
    with pytest.raises(ModelError, match=r"Z-Image cannot skip steps\. Set cache_threshold of .* to 0"):
        check_pipeline(settings(path, cache_threshold=0.1), "painter")


def test_a_lora_that_is_not_there_is_named(tmp_path: Path) -> None:
    path, lora = folder(tmp_path / "model", {"_class_name": "QwenImagePipeline"}), tmp_path / "lora"
    lora.mkdir()
    with pytest.raises(ModelError, match=r"There is no file 'few\.safetensors' in .*lora, the lora of"):
        check_pipeline(settings(path, lora=str(lora), lora_file="few.safetensors"), "painter")


def test_a_package_that_quantizes_is_asked_for_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path / "model", {"_class_name": "QwenImagePipeline"})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"needs the package torchao\. Install it with `pip install torchao`"):
        check_pipeline(settings(path, quantization="torchao-int8"), "painter")


def test_only_flux_2_limits_the_shapes_of_its_sources(tmp_path: Path) -> None:
    limits = editor_shapes(folder(tmp_path / "klein", {"_class_name": "Flux2KleinPipeline"}), "main")
    assert (limits.min_side_px, limits.max_aspect) == (64, 8)
    limits = editor_shapes(folder(tmp_path / "qwen", {"_class_name": "QwenImageEditPipeline"}), "main")
    assert (limits.min_side_px, limits.max_aspect) == (1, float("inf"))


@pytest.mark.parametrize("index", [None, {}])
def test_a_folder_that_is_no_pipeline_is_named(index: object, tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.mkdir()
    if index is not None:
        folder(path, index)
    with pytest.raises(ModelError, match="cannot be loaded as a diffusers pipeline: it has no model_index"):
        load_pipeline(settings(str(path)), "painter")


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    index = {"_class_name": "FluxPipeline", "_diffusers_version": "0.42.1", "vae": ["diffusers", "AutoencoderKL"]}
    with pytest.raises(ModelError, match="cannot be loaded as a diffusers pipeline"):
        load_pipeline(settings(folder(tmp_path / "model", index)), "painter")


@pytest.mark.parametrize("named", ["OwnPipeline", ["pipeline", "OwnPipeline"], ["pipeline", "FluxPipeline"]])
def test_code_in_a_model_folder_is_never_run(tmp_path: Path, named: object) -> None:
    path = folder(tmp_path / "model", {"_class_name": named, "_diffusers_version": "0.42.1"})
    code = f"from pathlib import Path\nPath({str(tmp_path / 'was-run')!r}).touch()\nclass OwnPipeline: ...\n"
    (tmp_path / "model" / "pipeline.py").write_text(code)
    with pytest.raises(ModelError, match="nobody told how to call"):
        load_pipeline(settings(path), "painter")
    assert not (tmp_path / "was-run").exists()


def test_code_of_a_component_is_never_run(tmp_path: Path) -> None:
    index = {"_class_name": "FluxPipeline", "_diffusers_version": "0.42.1", "transformer": ["own", "Own"]}
    path = folder(tmp_path / "model", index, {})
    code = f"from pathlib import Path\nPath({str(tmp_path / 'was-run')!r}).touch()\nclass Own: ...\n"
    (tmp_path / "model" / "transformer" / "own.py").write_text(code)
    with pytest.raises(ModelError, match="cannot be loaded as a diffusers pipeline"):
        load_pipeline(settings(path), "painter")
    assert not (tmp_path / "was-run").exists()


def test_omnigen2_is_asked_for_where_its_checkout_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("omnigen2", "omnigen2.pipelines.omnigen2.pipeline_omnigen2"):
        monkeypatch.setitem(sys.modules, module, None)
    path = folder(tmp_path / "model", {"_class_name": "OmniGen2Pipeline"})
    for refuse in (check_pipeline, load_pipeline):
        with pytest.raises(ModelError, match=r"needs the package omnigen2.*clone github\.com/VectorSpaceLab/OmniGen2"):
            refuse(settings(path), "editor")


def test_omnigen_asks_for_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="OmniGen needs torchvision, which is not installed"):
        check_pipeline(settings(folder(tmp_path / "model", {"_class_name": "OmniGenPipeline"})), "editor")


class OmniGen2Pipeline:
    """The signature of OmniGen2's call, of commit 0f72fa92 of its repository."""

    processor = None

    def __call__(
        self,
        prompt: Any = None,
        negative_prompt: Any = None,
        prompt_embeds: Any = None,
        negative_prompt_embeds: Any = None,
        prompt_attention_mask: Any = None,
        negative_prompt_attention_mask: Any = None,
        max_sequence_length: int | None = None,
        callback_on_step_end_tensor_inputs: Any = None,
        input_images: Any = None,
        num_images_per_prompt: int = 1,
        height: int | None = None,
        width: int | None = None,
        max_pixels: int = 1024 * 1024,
        max_input_image_side_length: int = 1024,
        align_res: bool = True,
        num_inference_steps: int = 28,
        text_guidance_scale: float = 4.0,
        image_guidance_scale: float = 1.0,
        cfg_range: tuple[float, float] = (0.0, 1.0),
        attention_kwargs: Any = None,
        timesteps: Any = None,
        generator: Any = None,
        latents: Any = None,
        output_type: str = "pil",
        return_dict: bool = True,
        verbose: bool = False,
        step_func: Any = None,
    ) -> Any:
        self.given = {**locals()}
        self.given.pop("self")
        return type("Output", (), {"images": [Image.new("RGB", (width or 1, height or 1))]})


def test_omnigen2_is_called_by_its_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = OmniGen2Pipeline()
    monkeypatch.setattr(call, "load_pipeline", lambda *_: pipeline)
    editor = DiffusersEditor(settings("x", side_px=1024, image_guidance=2.0, steps=7, negative_prompt="blur"))
    source = Image.new("RGB", (1920, 1080))
    assert editor.edit([source], ["Make it blue."], [5])[0].size == source.size
    given, default = pipeline.given, inspect.signature(OmniGen2Pipeline.__call__).parameters
    changed = {name: value for name, value in given.items() if value != default[name].default}
    (image,), (generator,) = changed.pop("input_images"), changed.pop("generator")
    assert (image.size, generator.initial_seed()) == ((1360, 768), 5)
    assert changed == {
        "prompt": ["Make it blue."],
        "negative_prompt": ["blur"],
        "max_sequence_length": 1024,
        "width": 1360,
        "height": 768,
        "max_pixels": 1360 * 768,
        "max_input_image_side_length": 1360,
        "num_inference_steps": 7,
        "text_guidance_scale": 3.0,
        "image_guidance_scale": 2.0,
    }


def test_the_signature_is_that_of_the_checkout() -> None:
    package = pytest.importorskip("omnigen2.pipelines.omnigen2.pipeline_omnigen2")
    real = inspect.signature(package.OmniGen2Pipeline.__call__).parameters
    assert list(real) == list(inspect.signature(OmniGen2Pipeline.__call__).parameters)


def test_a_hub_pipeline_is_fetched_at_its_revision_and_loaded_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from diffusers import DiffusionPipeline

    asked: list[tuple[str, dict[str, object]]] = []
    here = settings_for("PixArtSigmaPipeline")

    def download(name: str, **given: object) -> str:
        asked.append((name, given))
        return here.path

    monkeypatch.setattr(DiffusionPipeline, "download", download)
    monkeypatch.setattr(loading, "read_description", lambda *_: {"_class_name": "PixArtSigmaPipeline"})
    painter = DiffusersPainter(here.model_copy(update={"path": "some/model", "revision": "v2", "dtype": "bfloat16"}))
    assert asked == [("some/model", {"revision": "v2", "use_safetensors": True})]
    assert str(painter.pipeline.transformer.dtype) == "torch.bfloat16"
    assert painter.pipeline._progress_bar_config == {"disable": True}
