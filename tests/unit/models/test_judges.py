"""Judges: how far pictures are from each other, and how a judge is found."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.judges import JUDGES, find_judge
from models.judges.pixels import region_changes
from viper.errors import ModelError


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (48, 48, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def dinov2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DINOv2 of a few thousand weights, as transformers saves it."""
    import torch
    from transformers import BitImageProcessorPil, Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("dinov2")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
    Dinov2Model(Dinov2Config(**sizes)).save_pretrained(folder)
    side = {"height": 28, "width": 28}
    BitImageProcessorPil(size={"shortest_edge": 28}, crop_size=side).save_pretrained(folder)
    return folder


def test_pixels_are_the_same_at_0_and_further_the_more_changes() -> None:
    judge = find_judge("pixels")("", "main", "cpu")
    white, spot = Image.new("RGB", (48, 48), "white"), Image.new("RGB", (48, 48), "white")
    spot.paste((0, 0, 0), (2, 2, 14, 14))
    same, some, much = judge.distances([white, white, white], [white, spot, noise(1)])
    assert same == 0
    assert 0 < some < much


def test_a_change_is_located_and_a_shift_by_a_pixel_forgiven() -> None:
    before, after = Image.new("RGB", (48, 48), "white"), Image.new("RGB", (48, 48), "white")
    before.paste((200, 0, 0), (20, 20, 28, 28))
    after.paste((200, 0, 0), (21, 20, 29, 28))
    assert region_changes(before, after).max() == 0
    after.paste((0, 0, 200), (36, 4, 44, 12))
    assert np.flatnonzero(region_changes(before, after)).tolist() == [2]


def test_features_are_the_same_near_0_and_differ_for_other_pictures(dinov2: Path) -> None:
    judge = find_judge("features")(str(dinov2), "main", "cpu")
    same, other, turned = judge.distances([noise(1), noise(1), noise(2)], [noise(1), noise(2), noise(1)])
    assert abs(same) < 1e-6
    assert 1e-4 < other <= 2
    assert other == pytest.approx(turned)


def test_features_are_those_of_the_folder_that_is_named(dinov2: Path, tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, Dinov2Model

    model = Dinov2Model.from_pretrained(dinov2)
    with_other_weights = tmp_path / "other"
    for parameter in model.parameters():
        parameter.data.mul_(1.5)
    model.save_pretrained(with_other_weights)
    AutoImageProcessor.from_pretrained(dinov2).save_pretrained(with_other_weights)
    one, other = (
        find_judge("features")(str(folder), "main", "cpu").distances([noise(1)], [noise(2)])
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
        def distances(self, first: Sequence[Image.Image], second: Sequence[Image.Image]) -> list[float]:
            return [1.0] * len(first)

    monkeypatch.setitem(JUDGES, "dummy", lambda path, revision, device: Strict())
    assert find_judge("dummy")("", "", "").distances([noise(1)], [noise(1)]) == [1.0]
