"""Sizes of pipelines of every family: weights counted by headers are those that the descriptions give."""

from pathlib import Path

import pytest

from models.locations import PIPELINE
from models.sizes.cards import CARDS
from models.sizes.descriptions import Description
from models.sizes.painting import painter_shape, pipeline_memory
from models.sizes.seconds import painting_seconds
from models.sizes.weights import components, on_meta
from tests.libraries.pipelines.players import EDITORS, PAINTERS
from tests.small_pipelines import build_pipeline
from viper.settings import DiffusionSettings


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pipelines")


@pytest.mark.parametrize(
    "name", [name for name in {**dict.fromkeys(PAINTERS), **dict.fromkeys(EDITORS)} if "OmniGen" not in name]
)
def test_headers_and_descriptions_of_a_pipeline_count_alike(name: str, folders: Path) -> None:
    described = Description(build_pipeline(name, folders / name), "", here=True)
    parts, index = components(described), described.read(PIPELINE)
    assert any(part.name in ("transformer", "unet") for part in parts)
    for part in parts:
        library, kind = index[part.name]
        model = on_meta(described.folder / part.name, library, kind)
        # Files hold a few statistics of normalizations beside the parameters.
        assert part.parameters == pytest.approx(sum(weight.numel() for weight in model.parameters()), rel=0.01)
    settings = DiffusionSettings(path=str(described.folder), device="cpu", dtype="float32", side_px=64, batch=2)
    shape = painter_shape(described, parts)
    assert shape.width > 0
    assert pipeline_memory(settings, parts, shape, 2).weights == 4 * sum(part.parameters for part in parts)
    assert painting_seconds(shape, CARDS["H100"], settings) > 0
