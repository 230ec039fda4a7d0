"""Judges: how far pictures are from each other, and how a judge is found."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.judges import JUDGES, find_judge
from models.roles import Judge
from viper.errors import ModelError


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (48, 48, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def siglip2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SigLIP 2 of a few thousand weights, as transformers saves it: a text tower beside the one for pictures."""
    import torch
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("siglip2")
    tower = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    text = {**tower, "vocab_size": 32, "max_position_embeddings": 8, "pad_token_id": 0, "bos_token_id": 1}
    pictures = {**tower, "image_size": 56, "patch_size": 14}
    config = SiglipConfig(text_config={**text, "eos_token_id": 2}, vision_config=pictures)
    SiglipModel(config).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": 56, "width": 56}).save_pretrained(folder)
    return folder


@pytest.fixture(params=["dinov2", "siglip2"])
def image_model(request: pytest.FixtureRequest) -> Path:
    """Each kind of image model, which cuts a picture into 4 x 4 patches."""
    folder: Path = request.getfixturevalue(request.param)
    return folder


@pytest.fixture(scope="module")
def dinov2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DINOv2 of a few thousand weights, as transformers saves it."""
    import torch
    from transformers import BitImageProcessorPil, Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("dinov2")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 56, "patch_size": 14}
    Dinov2Model(Dinov2Config(**sizes)).save_pretrained(folder)
    side = {"height": 56, "width": 56}
    BitImageProcessorPil(size={"shortest_edge": 56}, crop_size=side).save_pretrained(folder)
    return folder


def distance(judge: Judge, first: Image.Image, second: Image.Image) -> float:
    """The largest distance of a pair."""
    (found,) = judge.maps([first], [second])
    return float(found.max())


def test_pixels_are_the_same_at_0_and_further_the_more_they_differ() -> None:
    judge = find_judge("pixels")("", "main", "cpu")
    white, pale, dark = (Image.new("RGB", (48, 48), "white") for _ in range(3))
    pale.paste((200, 255, 255), (2, 2, 14, 14))
    dark.paste((0, 0, 0), (2, 2, 14, 14))
    assert distance(judge, white, white) == 0
    assert distance(judge, white, dark) == pytest.approx(1.0)
    # Red lacks 55 of 255, in one of three colors.
    assert distance(judge, white, pale) == pytest.approx(55 / 255 / 3, abs=1e-5)


def test_a_change_is_located_and_a_shift_by_a_pixel_and_a_cast_forgiven() -> None:
    judge = find_judge("pixels")("", "main", "cpu")
    before, after = Image.new("RGB", (48, 48), "white"), Image.new("RGB", (48, 48), (245, 250, 255))
    before.paste((200, 0, 0), (20, 20, 28, 28))
    after.paste((190, 0, 0), (21, 20, 29, 28))
    assert distance(judge, before, after) < 6 / 255
    after.paste((0, 0, 200), (36, 4, 44, 12))
    (found,) = judge.maps([before], [after])
    rows, columns = np.nonzero(found > 6 / 255)
    # Nowhere but where it changed, and as far around as a judge sees.
    assert 4 - judge.reach <= rows.min() <= 4
    assert 11 <= rows.max() <= 11 + judge.reach
    assert 36 - judge.reach <= columns.min() <= 36
    assert 43 <= columns.max() <= 43 + judge.reach


def test_a_small_thing_counts_as_much_as_a_large_one_where_it_is() -> None:
    judge = find_judge("pixels")("", "main", "cpu")
    white, small, large = (Image.new("RGB", (48, 48), "white") for _ in range(3))
    small.paste((0, 0, 0), (10, 10, 17, 17))
    large.paste((0, 0, 0), (10, 10, 40, 40))
    assert distance(judge, white, small) == pytest.approx(distance(judge, white, large))


def test_features_are_the_same_near_0_and_differ_for_other_pictures(image_model: Path) -> None:
    judge = find_judge("features")(str(image_model), "main", "cpu")
    same, other, turned = judge.maps([noise(1), noise(1), noise(2)], [noise(1), noise(2), noise(1)])
    assert same.max() < 1e-6
    assert 1e-4 < other.max() <= 2
    assert same.shape == other.shape == turned.shape == (4, 4)


def test_features_tell_where_pictures_differ(image_model: Path) -> None:
    judge = find_judge("features")(str(image_model), "main", "cpu")
    before = noise(1)
    after = before.copy()
    after.paste(noise(2).crop((0, 0, 24, 24)), (24, 24))  # the lower right quarter
    (found,) = judge.maps([before], [after])
    quarter = np.zeros((4, 4), dtype=bool)
    quarter[2:, 2:] = True
    assert np.unravel_index(found.argmax(), found.shape)[0] >= 2
    assert found[quarter].mean() > 2 * found[~quarter].mean()


def test_an_image_model_without_patches_is_refused(tmp_path: Path) -> None:
    from transformers import BitImageProcessorPil, ResNetConfig, ResNetModel

    sizes = {"embedding_size": 8, "hidden_sizes": [8], "depths": [1], "layer_type": "basic"}
    ResNetModel(ResNetConfig(**sizes)).save_pretrained(tmp_path)
    BitImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="no patches of one side"):
        find_judge("features")(str(tmp_path), "main", "cpu")


def test_features_are_those_of_the_folder_that_is_named(dinov2: Path, tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, Dinov2Model

    model = Dinov2Model.from_pretrained(dinov2)
    with_other_weights = tmp_path / "other"
    for parameter in model.parameters():
        parameter.data.mul_(1.5)
    model.save_pretrained(with_other_weights)
    AutoImageProcessor.from_pretrained(dinov2).save_pretrained(with_other_weights)
    one, other = (
        distance(find_judge("features")(str(folder), "main", "cpu"), noise(1), noise(2))
        for folder in (dinov2, with_other_weights)
    )
    assert one != other


def test_features_of_a_revision_are_asked_for_at_that_revision(monkeypatch: pytest.MonkeyPatch, dinov2: Path) -> None:
    from transformers import AutoImageProcessor, AutoModel

    asked: list[tuple[str, str]] = []
    for loader in (AutoImageProcessor, AutoModel):
        original = loader.from_pretrained

        def load(name: str, *, revision: str, original=original, **options: object) -> object:  # type: ignore[no-untyped-def]
            asked.append((name, revision))
            return original(str(dinov2), **options)

        monkeypatch.setattr(loader, "from_pretrained", load)
    find_judge("features")("owner/name", "5" * 40, "cpu")
    assert asked == [("owner/name", "5" * 40)] * 2


def test_a_missing_image_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no folder"):
        find_judge("features")(str(tmp_path / "nothing"), "main", "cpu")
    with pytest.raises(ModelError, match="cannot be loaded as an image model"):
        find_judge("features")(str(tmp_path), "main", "cpu")


def test_an_unknown_judge_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ModelError, match=r"Unknown judge 'pixel'. Did you mean 'pixels'\? Known here: pixels, feat"):
        find_judge("pixel")


def test_a_judge_from_outside_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Strict:
        reach = 0

        def maps(self, first: Sequence[Image.Image], second: Sequence[Image.Image]) -> list[np.ndarray]:
            return [np.ones((2, 2), dtype=np.float32) for _ in first]

    monkeypatch.setitem(JUDGES, "dummy", lambda path, revision, device: Strict())
    assert distance(find_judge("dummy")("", "", ""), noise(1), noise(1)) == 1
