"""Painter and editor call pipelines of diffusers as these want to be called: fakes bind the real signatures."""

import inspect
from types import SimpleNamespace
from typing import Any

import diffusers
import pytest
from PIL import Image

from models import diffusion
from models.diffusion import DiffusersEditor, DiffusersPainter, working_size
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
    """Each of another size and color, and of one aspect ratio."""
    return [Image.new("RGB", (20 + 2 * number, 30 + 3 * number), (0, 0, number)) for number in range(len(SEEDS))]


def edit(
    name: str,
    calls: list[Call],
    monkeypatch: pytest.MonkeyPatch,
    given: list[Image.Image] | None = None,
    **changed: object,
) -> list[Image.Image]:
    monkeypatch.setattr(diffusion, "load_pipeline", lambda _: fake(name, calls))
    return DiffusersEditor(settings(**changed)).edit(given or sources(), CAPTIONS, SEEDS)


def shown_sources(calls: list[Call]) -> list[object]:
    """The colors that tell which sources were given, in their order."""
    images = [image for call in calls for image in call["image"]]
    return [image.getpixel((0, 0))[2] for image in images]


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
    assert [len(call["image"]) for call in calls] == [1] * len(SEEDS)
    assert shown_sources(calls) == [0, 1, 2, 3, 4]
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
    assert shown_sources(calls) == [0, 1, 2, 3, 4]


def test_omnigen_reads_in_each_prompt_where_its_own_picture_stands(
    calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    edit("OmniGenPipeline", calls, monkeypatch)
    prompts = [text for call in calls for text in call["prompt"]]
    assert prompts == [f"<img><|image_1|></img> {text}" for text in CAPTIONS]
    given = [[image.tobytes() for image in each] for call in calls for each in call["input_images"]]
    assert given == [[image.tobytes()] for image in sources()]


def test_flux_kontext_keeps_to_the_size_that_it_is_told(calls: list[Call], monkeypatch: pytest.MonkeyPatch) -> None:
    square = [Image.new("RGB", (90, 90))] * len(SEEDS)
    edit("FluxKontextPipeline", calls, monkeypatch, square)
    # It scales height and width to this area, a megapixel unless told otherwise.
    assert {(call["height"], call["width"], call["max_area"]) for call in calls} == {(SIDE, SIDE, SIDE**2)}


@pytest.mark.parametrize("name", [*BATCHED, *ONE_BY_ONE])
@pytest.mark.parametrize(
    ("source", "size"),
    # Each about a megapixel, by hand: 1024 times and over the root of 4, of 16:9, of 1:8.
    [((1600, 400), (2048, 512)), ((1920, 1080), (1360, 768)), ((100, 800), (368, 2896))],
)
def test_a_picture_is_edited_at_its_own_aspect_ratio(
    name: str, source: tuple[int, int], size: tuple[int, int], calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = edit(name, calls, monkeypatch, [Image.new("RGB", source)] * len(SEEDS), side_px=1024)
    known = inspect.signature(getattr(diffusers, name).__call__).parameters
    for call in calls:
        if "height" in known:
            assert (call["width"], call["height"]) == size
        # What is not told its size works at its source's; FLUX Kontext is told to leave the source as it is.
        told = "height" in known and "_auto_resize" not in known
        images = call["input_images"] if "input_images" in known else [call["image"]]
        assert {one.size for each in images for one in each} == {source if told else size}
        assert call.get("_auto_resize") == (False if "_auto_resize" in known else None)
    assert {one.size for one in edited} == {source}


def test_pictures_of_several_shapes_are_never_in_one_batch_and_come_back_in_their_order(
    calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = [(40, 40), (80, 20), (30, 30), (20, 80), (160, 40)]
    given = [Image.new("RGB", shape, (0, 0, number)) for number, shape in enumerate(shapes)]
    edited = edit("StableDiffusionInstructPix2PixPipeline", calls, monkeypatch, given)
    assert seeds_of(calls) == [[11, 13], [12, 15], [14]]
    assert [call["prompt"] for call in calls] == [[CAPTIONS[0], CAPTIONS[2]], [CAPTIONS[1], CAPTIONS[4]], [CAPTIONS[3]]]
    assert shown_sources(calls) == [0, 2, 1, 4, 3]
    assert [{one.size for one in call["image"]} for call in calls] == [{(64, 64)}, {(128, 32)}, {(32, 128)}]
    assert shown_seeds(edited) == SEEDS
    assert [one.size for one in edited] == shapes


@pytest.mark.parametrize(("source", "size"), [((200, 1), (912, 16)), ((1, 200), (16, 912)), ((63, 64), (64, 64))])
def test_the_size_of_an_edit_is_never_nothing(source: tuple[int, int], size: tuple[int, int]) -> None:
    assert working_size(source, 64) == size
