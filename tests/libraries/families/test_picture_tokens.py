"""What a picture costs is counted without looking at it: as many tokens as the real processor writes."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from models.families.family import Family
from models.families.processors import make_processor
from models.families.prompts import read_prompts
from models.prompt_reader import Prompt
from models.vlm import load_processing, load_vlm
from tests.small_vlms import SMALL, picture, settings_of
from viper.errors import ModelError
from viper.records import PixelLimits

FolderOf = Callable[[str], Path]
Numbers = dict[str, Any]
every = pytest.mark.parametrize("kind", SMALL)
RANDOM = random.Random(5)
SMALL_SIZES = [(RANDOM.randint(1, 300), RANDOM.randint(1, 300)) for _ in range(40)]
SMALL_SIZES += [(1, 1), (1, 199), (199, 1), (64, 32), (65, 32), (64, 33), (32, 64), (33, 65), (640, 4), (3, 500)]
SIZES = [(1, 1), (640, 480), (480, 640), (1456, 365), (365, 1456), (1920, 1080), (3000, 20), (30, 4096), (4000, 3000)]
LARGE = [[rows * 384, columns * 384] for rows in range(1, 7) for columns in range(1, 7)]
# Numbers of published models: of the image processor, of the processor, of the configuration, of its vision.
PUBLISHED: dict[str, tuple[Numbers, Numbers, Numbers, Numbers]] = {
    # Qwen2.5-VL-7B-Instruct, with the limits of the profiles
    "qwen2_5_vl": ({"patch_size": 14, "size": {"shortest_edge": 3136, "longest_edge": 1003520}}, {}, {}, {}),
    # InternVL3-8B-hf
    "internvl": (
        {"size": {"height": 448, "width": 448}, "max_patches": 12},
        {"image_seq_length": 256},
        {},
        {"image_size": [448, 448], "patch_size": [14, 14]},
    ),
    # llava-onevision-qwen2-7b-ov-hf
    "llava_onevision": (
        {"size": {"height": 384, "width": 384}, "image_grid_pinpoints": LARGE},
        {"num_image_tokens": 729},
        {"image_grid_pinpoints": LARGE},
        {"image_size": 384, "patch_size": 14},
    ),
    # Idefics3-8B-Llama3
    "idefics3": (
        {"size": {"longest_edge": 1456}, "max_image_size": {"longest_edge": 364}},
        {"image_seq_len": 169},
        {},
        {"image_size": 364, "patch_size": 14},
    ),
    # SmolVLM2-500M-Video-Instruct
    "smolvlm": (
        {"size": {"longest_edge": 2048}, "max_image_size": {"longest_edge": 512}},
        {"image_seq_len": 64},
        {"scale_factor": 4},
        {"image_size": 512, "patch_size": 16},
    ),
    # gemma-3-4b-it
    "gemma3": ({"size": {"height": 896, "width": 896}}, {"image_seq_length": 256}, {"mm_tokens_per_image": 256}, {}),
}


def written(family: Family, processor: Any, config: Any, *sizes: tuple[int, int]) -> int:
    """Image tokens of a prompt with blank pictures, which are as many as their features (``read_prompts``)."""
    shown = tuple(Image.new("RGB", size) for size in sizes)
    text = processor.apply_chat_template(Prompt("a", shown).messages(), add_generation_prompt=True)
    ids = read_prompts(family, processor, config, [text], [shown])["input_ids"]
    return int((ids == config.image_token_id).sum())


@every
@pytest.mark.filterwarnings("ignore:.*channel dimension is ambiguous")
def test_a_picture_of_any_shape_costs_what_the_processor_writes(kind: str, folder_of: FolderOf) -> None:
    family, processor, config = load_processing(settings_of(folder_of(kind)))
    for size in SMALL_SIZES:
        if max(size) <= family.shapes.max_aspect * min(size):
            assert family.picture_tokens(processor, *size) == written(family, processor, config, size), size
    both = [family.picture_tokens(processor, *size, together=2) for size in SMALL_SIZES[:2]]
    assert sum(both) == written(family, processor, config, *SMALL_SIZES[:2])


@pytest.mark.parametrize("kind", PUBLISHED)
@pytest.mark.filterwarnings("ignore:.*channel dimension is ambiguous")
def test_a_picture_costs_what_the_processor_of_a_published_model_writes(kind: str, folder_of: FolderOf) -> None:
    family, small, config = load_processing(settings_of(folder_of(kind)))
    of_images, options, of_model, of_vision = PUBLISHED[kind]
    parts = family.parts()
    images = parts.images(**{**small.image_processor.to_dict(), **of_images})
    processor = make_processor(parts, small.tokenizer, images, chat_template=small.chat_template, **options)
    for numbers, where in ((of_model, config), (of_vision, config.vision_config)):
        for name, value in numbers.items():
            setattr(where, name, value)
    for size in SIZES:
        assert family.picture_tokens(processor, *size) == written(family, processor, config, size), size


# Limits in pixels, and what they make of 640 x 480 by hand, with crops of 32 x 32 (tokens: see test_prompts.TOKENS):
BOUNDED: list[tuple[str, int, int, PixelLimits, int]] = [
    # a grid of 4:3, 6 crops at most: 3 x 2 is as far from it as 1 x 1, and larger; 6 crops and the whole, 4 each
    ("internvl", 0, 6 * 1024, PixelLimits(min_pixels=1024, max_pixels=6 * 1024), 7 * 4),
    # less than two crops: one, and no other of the whole
    ("internvl", 0, 2047, PixelLimits(min_pixels=1024, max_pixels=1024), 4),
    # at least three
    ("internvl", 2049, 0, PixelLimits(min_pixels=3 * 1024, max_pixels=4 * 1024), 5 * 4),
    # the whole and one crop, which 32 x 24 of it fill: half a line is free above and below
    ("llava_onevision", 0, 2047, PixelLimits(min_pixels=1024, max_pixels=1024), 16 + 4 * 4 + 4),
    # only 64 x 64, which 64 x 48 fill: 6 lines of 8
    ("llava_onevision", 2049, 0, PixelLimits(min_pixels=4096, max_pixels=4096), 16 + 6 * 8 + 6),
    # one crop, and no other of the whole
    ("idefics3", 0, 4095, PixelLimits(min_pixels=1024, max_pixels=1024), 4),
    ("smolvlm", 0, 4096, PixelLimits(min_pixels=2048, max_pixels=4096), 5 * 4),
]


@pytest.mark.parametrize(("kind", "low", "high", "expected", "cost"), BOUNDED)
def test_limits_bound_what_a_picture_costs_in_the_familys_own_terms(
    kind: str, low: int, high: int, expected: PixelLimits, cost: int, folder_of: FolderOf
) -> None:
    settings = settings_of(folder_of(kind)).model_copy(update={"min_pixels": low, "max_pixels": high})
    family, processor, config = load_processing(settings)
    assert family.pixel_limits(processor) == expected
    assert family.picture_tokens(processor, 640, 480) == written(family, processor, config, (640, 480)) == cost
    for size in SMALL_SIZES[:20]:
        assert family.picture_tokens(processor, *size) == written(family, processor, config, size), size
    family.limit_pixels(processor, config, low, high)  # of a folder that keeps them already
    assert family.pixel_limits(processor) == expected


@pytest.mark.parametrize(
    ("kind", "low", "high", "message"),
    [
        ("internvl", 0, 1023, "crops of 1,024 pixels, and no whole number of them lies between.*at least 1,024"),
        ("internvl", 1500, 2047, "at least 2,048"),
        ("llava_onevision", 0, 1023, "no grid of crops .* of 1,024 to 4,096 pixels .* at least 1,024"),
        ("llava_onevision", 4097, 0, "no grid of crops"),
        ("idefics3", 0, 1023, "crops of 32 x 32 along its longer side, 2 at most.*1,024 to 4,096"),
        ("idefics3", 0, 96 * 96, "2 at most"),
        ("smolvlm", 1024, 4096, "Leave min_pixels out"),
        ("gemma3", 0, 4096, "every picture becomes 32 x 32 and costs 4 tokens"),
    ],
)
def test_limits_that_leave_no_picture_are_refused(
    kind: str, low: int, high: int, message: str, folder_of: FolderOf
) -> None:
    with pytest.raises(ModelError, match=message):
        load_processing(settings_of(folder_of(kind)).model_copy(update={"min_pixels": low, "max_pixels": high}))


@pytest.mark.parametrize(("kind", "high"), [("internvl", 2048), ("llava_onevision", 2048), ("idefics3", 1024)])
def test_a_model_answers_within_its_limits_and_its_folder_keeps_them(
    kind: str, high: int, folder_of: FolderOf, tmp_path: Path
) -> None:
    settings = settings_of(folder_of(kind)).model_copy(update={"max_pixels": high})
    vlm, prompts = load_vlm(settings), [Prompt("what?", (picture(64, 64),)), Prompt("a", (picture(90, 30),) * 2)]
    replies = vlm.generate(prompts, max_new_tokens=4, batch=2)
    assert vlm.processing != load_vlm(settings_of(folder_of(kind))).processing
    vlm.save(tmp_path)
    again = load_vlm(settings_of(tmp_path))
    assert again.family.pixel_limits(again.processor) == vlm.family.pixel_limits(vlm.processor)
    assert again.generate(prompts, max_new_tokens=4, batch=2) == replies
