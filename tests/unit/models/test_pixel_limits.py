"""Pixel limits: what the model sees of a picture, by hand, in synthesis and training alike, and what a folder keeps."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from models.families import family_of
from models.locations import resolve
from models.prompt_reader import Prompt
from models.trainable import Adaptation, load_trainable
from models.vlm import Vlm, load_processor, load_vlm
from tests.small_vlms import save_small
from viper.errors import ModelError, ProfileError
from viper.profiles import load_profile, override
from viper.records import PixelLimits
from viper.settings import LoraSettings, VlmSettings

# The embedded model's folder: 48 x 48 pixels exactly, tokens of 16 x 16.
OWN = PixelLimits(min_pixels=48 * 48, max_pixels=48 * 48)


def loaded(folder: str = "shapes:vlm", **limits: int) -> Vlm:
    return load_vlm(VlmSettings(path=folder, dtype="float32", device="cpu", attention="eager", **limits))


def limits_of(folder: str) -> PixelLimits | None:
    """The limits of a folder's processor."""
    return family_of(folder).pixel_limits(load_processor(folder))


def tokens(vlm: Vlm, width: int, height: int) -> int:
    """Tokens of a picture in a prompt."""
    inputs = vlm.inputs([Prompt("describe the image.", (Image.new("RGB", (width, height)),))])
    return int((inputs["input_ids"] == vlm.model.config.image_token_id).sum())


def test_without_limits_the_folders_own_hold() -> None:
    vlm = loaded()
    assert vlm.family.pixel_limits(vlm.processor) == OWN
    assert tokens(vlm, 96, 96) == tokens(vlm, 16, 16) == 9


def test_limits_say_how_many_tokens_a_picture_takes() -> None:
    vlm = loaded(min_pixels=32 * 32, max_pixels=64 * 64)
    assert vlm.family.pixel_limits(vlm.processor) == PixelLimits(min_pixels=1024, max_pixels=4096)
    # 16 x 16 is enlarged to 32 x 32, 48 x 32 stays, 640 x 640 is reduced to 64 x 64, 160 x 40 to 128 x 32.
    assert [tokens(vlm, *size) for size in ((16, 16), (48, 32), (640, 640), (160, 40))] == [4, 6, 16, 16]


def test_a_training_sees_pictures_as_synthesis_does_and_its_folder_keeps_the_limits(tmp_path: Path) -> None:
    settings = VlmSettings(path="shapes:vlm", dtype="float32", device="cpu", min_pixels=1024, max_pixels=4096)
    trained, _ = load_trainable(settings, Adaptation(method="lora", lora=LoraSettings()))
    full, _ = load_trainable(settings, Adaptation(method="full", lora=None))
    assert tokens(trained, 640, 640) == tokens(full, 640, 640) == 16
    assert trained.processing == loaded(min_pixels=1024, max_pixels=4096).processing != loaded().processing
    trained.processor.save_pretrained(tmp_path)
    shutil.copy(Path(resolve("shapes:vlm")) / "config.json", tmp_path)
    assert limits_of(str(tmp_path)) == PixelLimits(min_pixels=1024, max_pixels=4096)


def test_a_limit_alone_leaves_the_other_to_the_folder() -> None:
    vlm = loaded(max_pixels=9216)
    assert vlm.family.pixel_limits(vlm.processor) == PixelLimits(min_pixels=48 * 48, max_pixels=9216)
    with pytest.raises(ModelError, match="min_pixels is 2,304 and max_pixels 1,024"):
        loaded(max_pixels=1024)
    with pytest.raises(ModelError, match="at least 256 in max_pixels, one token"):
        loaded(min_pixels=10, max_pixels=255)


def test_a_family_without_limits_in_pixels_is_named(tmp_path: Path) -> None:
    folder = str(save_small("gemma3", tmp_path))
    vlm = loaded(folder)
    assert vlm.family.pixel_limits(vlm.processor) is None
    with pytest.raises(ModelError, match="Gemma3 has no limits in pixels: every picture becomes 32 x 32"):
        loaded(folder, max_pixels=4096)


def test_a_published_folder_keeps_its_limits_in_either_form(tmp_path: Path) -> None:
    # As Qwen2.5-VL's preprocessor_config.json writes them, and as later versions of transformers do.
    for form in (
        {"min_pixels": 3136, "max_pixels": 12845056},
        {"size": {"shortest_edge": 3136, "longest_edge": 12845056}},
    ):
        folder = tmp_path / next(iter(form))
        shutil.copytree(resolve("shapes:vlm"), folder, ignore=shutil.ignore_patterns("*.safetensors"))
        config = folder / "processor_config.json"
        content = json.loads(config.read_text())
        images = {key: value for key, value in content["image_processor"].items() if key != "size"}
        config.write_text(json.dumps({**content, "image_processor": {**images, **form}}))
        assert limits_of(str(folder)) == PixelLimits(min_pixels=3136, max_pixels=12845056)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            ["models.vlm.min_pixels=5000", "models.vlm.max_pixels=4000"],
            "min_pixels is 5,000, but max_pixels is only 4,000",
        ),
        (["models.vlm.min_pixels=-1"], "greater than or equal to 0"),
        (["models.vlm.max_pixels=-4096"], "greater than or equal to 0"),
        (["models.vlm.max_pixels=1.5"], "max_pixels"),
        (["models.painter.max_pixels=4096"], "max_pixels"),
    ],
)
def test_limits_that_cannot_be_are_refused_with_the_profile(changes: list[str], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        override(load_profile("shapes"), changes)


def test_peers_limits_are_accepted() -> None:
    found = override(load_profile("qwen2.5-vl-3b"), ["models.vlm.min_pixels=1003520", "models.vlm.max_pixels=12845056"])
    assert (found.models.vlm.min_pixels, found.models.vlm.max_pixels) == (1280 * 28 * 28, 16384 * 28 * 28)
