"""Painter and editor call pipelines of diffusers as these want to be called: fakes bind the real signatures."""

import inspect
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import pytest
import torch
from PIL import Image

from models import diffusion
from models.diffusion import DiffusersEditor, DiffusersPainter, load_pipeline
from viper.errors import ModelError
from viper.settings import DiffusionSettings

Call = dict[str, Any]
PAINTERS = (
    "StableDiffusionPipeline",
    "StableDiffusion3Pipeline",
    "QwenImagePipeline",
    "FluxPipeline",
    "SanaPipeline",
    "PixArtAlphaPipeline",
    "PixArtSigmaPipeline",
    "ZImagePipeline",
    "PRXPixelPipeline",
)
BATCHED = ("StableDiffusionInstructPix2PixPipeline", "FluxKontextPipeline", "OmniGenPipeline")
ONE_BY_ONE = (
    "QwenImageEditPipeline",
    "QwenImageEditPlusPipeline",
    "QwenImage21Pipeline",
    "Flux2Pipeline",
    "Flux2KleinPipeline",
    "LongCatImageEditPipeline",
)
SEEDS = [11, 12, 13, 14, 15]
CAPTIONS = [f"picture {seed}" for seed in SEEDS]
SIDE = 64


def settings(**changed: object) -> DiffusionSettings:
    plain = {"path": "x", "device": "cpu", "dtype": "float32", "steps": 3, "side_px": SIDE, "batch": 2}
    return DiffusionSettings.model_validate({**plain, "guidance": 4.0, "negative_prompt": "blur", **changed})


def fake(name: str, calls: list[Call]) -> Any:
    """A pipeline with a real one's name and signature; its pictures hold their seed as their color."""
    signature = inspect.signature(getattr(diffusers, name).__call__)

    def call(self: object, *args: object, **given: object) -> SimpleNamespace:
        arguments: Call = dict(signature.bind(self, *args, **given).arguments)
        assert not arguments.get("kwargs"), f"{name} does not know {arguments['kwargs']}"
        assert len(arguments["prompt"]) == len(arguments["generator"])
        calls.append(arguments)
        side = (arguments.get("width", 32), arguments.get("height", 32))
        return SimpleNamespace(
            images=[Image.new("RGB", side, (one.initial_seed(), 0, 0)) for one in arguments["generator"]]
        )

    call.__signature__ = signature  # type: ignore[attr-defined]
    return type(name, (), {"__call__": call})()


@pytest.fixture
def calls() -> list[Call]:
    return []


def paint(name: str, calls: list[Call], monkeypatch: pytest.MonkeyPatch, **changed: object) -> list[Image.Image]:
    monkeypatch.setattr(diffusion, "load_pipeline", lambda _: fake(name, calls))
    return DiffusersPainter(settings(**changed)).paint(CAPTIONS, SEEDS)


def sources() -> list[Image.Image]:
    """Each of another size and color."""
    return [Image.new("RGB", (20 + number, 30), (0, 0, number)) for number in range(len(SEEDS))]


def edit(name: str, calls: list[Call], monkeypatch: pytest.MonkeyPatch, **changed: object) -> list[Image.Image]:
    monkeypatch.setattr(diffusion, "load_pipeline", lambda _: fake(name, calls))
    return DiffusersEditor(settings(**changed)).edit(sources(), CAPTIONS, SEEDS)


def seeds_of(calls: list[Call]) -> list[list[int]]:
    return [[generator.initial_seed() for generator in call["generator"]] for call in calls]


def shown_seeds(pictures: list[Image.Image]) -> list[object]:
    return [picture.getpixel((0, 0))[0] for picture in pictures]  # type: ignore[index]


@pytest.mark.parametrize("name", PAINTERS)
def test_captions_are_painted_in_batches_and_in_their_order_each_from_its_own_seed(
    name: str, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = paint(name, calls, monkeypatch)
    assert [call["prompt"] for call in calls] == [CAPTIONS[:2], CAPTIONS[2:4], CAPTIONS[4:]]
    assert seeds_of(calls) == [[11, 12], [13, 14], [15]]
    assert shown_seeds(pictures) == SEEDS


@pytest.mark.parametrize("name", PAINTERS)
def test_painters_are_told_steps_and_size_and_keep_it(
    name: str, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = paint(name, calls, monkeypatch)
    assert {picture.size for picture in pictures} == {(SIDE, SIDE)}
    known = inspect.signature(getattr(diffusers, name).__call__).parameters
    for call in calls:
        assert (call["num_inference_steps"], call["height"], call["width"]) == (3, SIDE, SIDE)
        assert call.get("use_resolution_binning") == (False if "use_resolution_binning" in known else None)


def test_some_painters_would_choose_the_size_themselves() -> None:
    binning = {
        name
        for name in PAINTERS
        if "use_resolution_binning" in inspect.signature(getattr(diffusers, name).__call__).parameters
    }
    assert {"SanaPipeline", "PixArtAlphaPipeline", "PixArtSigmaPipeline"} <= binning


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("StableDiffusionPipeline", "guidance_scale"),
        ("SanaPipeline", "guidance_scale"),
        ("PixArtSigmaPipeline", "guidance_scale"),
        ("QwenImagePipeline", "true_cfg_scale"),
        # FLUX is guided by what it was distilled with; its true CFG is off unless asked for.
        ("FluxPipeline", "guidance_scale"),
    ],
)
def test_the_guidance_is_given_under_the_name_that_guides_the_painter(
    name: str, scale: str, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(name, calls, monkeypatch, guidance=3.5)
    for call in calls:
        assert {key: call[key] for key in ("guidance_scale", "true_cfg_scale") if key in call} == {scale: 3.5}


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("StableDiffusionInstructPix2PixPipeline", "guidance_scale"),
        ("OmniGenPipeline", "guidance_scale"),
        ("FluxKontextPipeline", "guidance_scale"),
        ("QwenImageEditPipeline", "true_cfg_scale"),
        ("QwenImageEditPlusPipeline", "true_cfg_scale"),
    ],
)
def test_the_guidance_is_given_under_the_name_that_guides_the_editor(
    name: str, scale: str, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(name, calls, monkeypatch, guidance=2.5)
    for call in calls:
        assert {key: call[key] for key in ("guidance_scale", "true_cfg_scale") if key in call} == {scale: 2.5}


@pytest.mark.parametrize("name", PAINTERS)
def test_a_negative_prompt_stands_beside_every_caption_of_a_guided_painter(
    name: str, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(name, calls, monkeypatch)
    assert [call["negative_prompt"] for call in calls] == [["blur"] * 2, ["blur"] * 2, ["blur"]]


@pytest.mark.parametrize("name", PAINTERS)
@pytest.mark.parametrize("guidance", [0.0, 1.0])
def test_an_unguided_painter_is_given_no_negative_prompt(
    name: str, guidance: float, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(name, calls, monkeypatch, guidance=guidance)
    assert all("negative_prompt" not in call for call in calls)


def test_no_captions_are_no_call(calls: list[Call], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffusion, "load_pipeline", lambda _: fake("SanaPipeline", calls))
    assert DiffusersPainter(settings()).paint([], []) == []
    assert calls == []


@pytest.mark.parametrize("name", BATCHED)
def test_pictures_are_edited_in_batches_and_in_their_order(
    name: str, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown_seeds(edit(name, calls, monkeypatch)) == SEEDS
    assert seeds_of(calls) == [[11, 12], [13, 14], [15]]


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_a_family_that_takes_pictures_as_references_of_one_is_given_one_at_a_time(
    name: str, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown_seeds(edit(name, calls, monkeypatch)) == SEEDS
    assert seeds_of(calls) == [[seed] for seed in SEEDS]
    assert [call["prompt"] for call in calls] == [[text] for text in CAPTIONS]
    assert [[one.tobytes() for one in call["image"]] for call in calls] == [[one.tobytes()] for one in sources()]
    assert all(len(call.get("negative_prompt", ["one"])) == 1 for call in calls)


@pytest.mark.parametrize("name", [*BATCHED, *ONE_BY_ONE])
def test_an_edited_picture_has_its_source_s_size(name: str, calls: list[Call], monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.size for one in edit(name, calls, monkeypatch)] == [one.size for one in sources()]


@pytest.mark.parametrize("name", ["StableDiffusionInstructPix2PixPipeline", "FluxKontextPipeline"])
def test_sources_and_instructions_are_given_side_by_side(
    name: str, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(name, calls, monkeypatch)
    assert [call["prompt"] for call in calls] == [CAPTIONS[:2], CAPTIONS[2:4], CAPTIONS[4:]]
    given = [image.tobytes() for call in calls for image in call["image"]]
    assert given == [image.tobytes() for image in sources()]


def test_omnigen_reads_in_each_prompt_where_its_own_picture_stands(
    calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    edit("OmniGenPipeline", calls, monkeypatch)
    prompts = [text for call in calls for text in call["prompt"]]
    assert prompts == [f"<img><|image_1|></img> {text}" for text in CAPTIONS]
    given = [[image.tobytes() for image in each] for call in calls for each in call["input_images"]]
    assert given == [[image.tobytes()] for image in sources()]


def test_flux_kontext_keeps_to_the_size_that_it_is_told(calls: list[Call], monkeypatch: pytest.MonkeyPatch) -> None:
    edit("FluxKontextPipeline", calls, monkeypatch)
    # It scales height and width to this area, a megapixel unless told otherwise.
    assert {(call["height"], call["width"], call["max_area"]) for call in calls} == {(SIDE, SIDE, SIDE**2)}


class Loaded:
    """What ``from_pretrained`` gives; remembers what was done with it."""

    def __init__(self) -> None:
        self.device, self.quiet = "", False

    def set_progress_bar_config(self, disable: bool) -> None:
        self.quiet = disable

    def to(self, device: str) -> "Loaded":
        self.device = device
        return self


def test_a_pipeline_is_loaded_from_its_revision_in_its_number_format_without_pickles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, dict[str, object]]] = []

    def from_pretrained(location: str, **given: object) -> Loaded:
        asked.append((location, given))
        return Loaded()

    monkeypatch.setattr(diffusers.DiffusionPipeline, "from_pretrained", from_pretrained)
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "SanaPipeline"}))
    loaded = load_pipeline(settings(path=str(tmp_path), revision="v2", dtype="bfloat16"))
    given = {"revision": "v2", "dtype": torch.bfloat16, "use_safetensors": True}
    assert asked == [(str(tmp_path), given)]
    assert (loaded.device, loaded.quiet) == ("cpu", True)


def test_a_folder_that_is_no_pipeline_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ModelError, match="cannot be loaded as a diffusers pipeline"):
        load_pipeline(settings(path=str(tmp_path)))


@pytest.mark.parametrize("named", ["OwnPipeline", ["pipeline", "OwnPipeline"]])
def test_code_in_a_model_folder_is_never_run(tmp_path: Path, named: object) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": named, "_diffusers_version": "0.42.1"}))
    code = f"from pathlib import Path\nPath({str(tmp_path / 'was-run')!r}).touch()\nclass OwnPipeline: ...\n"
    (tmp_path / "pipeline.py").write_text(code)
    with pytest.raises(ModelError, match="cannot be loaded as a diffusers pipeline"):
        load_pipeline(settings(path=str(tmp_path)))
    assert not (tmp_path / "was-run").exists()
