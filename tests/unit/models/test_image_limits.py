"""The limits of pictures are where the real processors begin to refuse, and where the filter begins to see nothing."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from diffusers.pipelines.flux2.image_processor import Flux2ImageProcessor
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from models.image_limits import benchmark_limits, pool_limits
from models.judges.pixels import PixelJudge
from models.places import largest_by_region
from models.prompt_reader import Prompt
from models.vlm import load_vlm
from viper.errors import ModelError
from viper.settings import VlmSettings

VLM = ("shapes:vlm", "main")
POOL = pool_limits(10**8, 10**8, VLM, ("shapes:editor", "main"))
BENCHMARK = benchmark_limits(VLM)
EMBEDDED = {"patch_size": 8, "size": {"shortest_edge": 2304, "longest_edge": 2304}}
PUBLISHED = {"patch_size": 14, "size": {"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 1280}}


@pytest.mark.parametrize("options", [EMBEDDED, PUBLISHED], ids=["embedded", "published"])
@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ((1, 1), None),
        ((1, 200), None),
        ((200, 1), None),
        ((5, 1000), None),
        ((28, 28), None),
        ((1, 201), "too narrow"),
        ((201, 1), "too narrow"),
        ((5, 1001), "too narrow"),
        ((1, 500), "too narrow"),
        ((1, 20000), "too narrow"),
    ],
)
def test_what_the_processor_refuses_is_refused_and_nothing_else(
    size: tuple[int, int], reason: str | None, options: dict[str, object]
) -> None:
    assert BENCHMARK.refusal(*size) == reason
    assert POOL.refusal(*size) == (reason or ("too small" if min(size) < 3 else None))
    processor = Qwen2VLImageProcessorPil(**options)
    if reason is None:
        assert processor(images=[Image.new("RGB", size)], return_tensors="np")["image_grid_thw"].shape == (1, 3)
    else:
        with pytest.raises(ValueError, match="aspect ratio must be smaller than 200"):
            processor(images=[Image.new("RGB", size)])


def test_the_embedded_model_describes_pictures_at_the_limits() -> None:
    vlm = load_vlm(VlmSettings(path="shapes:vlm", device="cpu", dtype="float32"))
    prompts = [Prompt("Describe the picture.", (Image.new("RGB", size),)) for size in [(3, 3), (3, 600), (600, 3)]]
    assert len(vlm.generate(prompts, max_new_tokens=2, batch=3)) == 3


def test_the_filter_sees_every_region_of_the_smallest_picture_and_not_of_a_smaller_one() -> None:
    assert POOL.refusal(3, 3) is None
    black, white = Image.new("RGB", (3, 3)), Image.new("RGB", (3, 3), (255, 255, 0))
    white.putpixel((1, 1), (0, 0, 0))
    (distances,) = PixelJudge().maps([black], [white])
    assert len(largest_by_region(distances, 1.0)) == 9
    (distances,) = PixelJudge().maps([Image.new("RGB", (2, 3))], [Image.new("RGB", (2, 3))])
    with pytest.raises(ValueError, match="zero-size"):
        largest_by_region(distances, 1.0)


@pytest.mark.parametrize(
    ("size", "taken"), [((512, 64), True), ((513, 64), False), ((63, 63), False), ((64, 64), True)]
)
def test_flux_2_refuses_what_is_refused_for_it(size: tuple[int, int], taken: bool, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "Flux2KleinPipeline"}))
    limits = pool_limits(10**6, 10**6, VLM, (str(tmp_path), ""))
    assert (limits.refusal(*size) is None) == taken
    with nullcontext() if taken else pytest.raises(ValueError, match="too"):
        Flux2ImageProcessor.check_image_input(Image.new("RGB", size))


def test_an_editor_that_refuses_nothing_leaves_the_limits_to_the_others(tmp_path: Path) -> None:
    for described in ({}, {"_class_name": "QwenImageEditPipeline"}):
        (tmp_path / "model_index.json").write_text(json.dumps(described))
        assert pool_limits(10**6, 10**6, VLM, (str(tmp_path), "")).max_aspect == 200
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(ModelError, match=r"model_index\.json of .* cannot be read"):
        pool_limits(10**6, 10**6, VLM, (str(tmp_path), ""))
