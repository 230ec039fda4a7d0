"""Every editor of the table, as a tiny pipeline of the very class: batches, mixed sizes, guidance, aspect."""

import numpy as np
import pytest
from PIL import Image

from tests.libraries.pipelines.players import (
    EDITORS,
    called_with,
    calls_of,
    distance,
    editor,
    noise,
)

SIZES = [(64, 64), (128, 96), (50, 50), (61, 37)]
SOURCES = [noise(*size, seed) for seed, size in enumerate(SIZES)]
INSTRUCTIONS = ["make it red.", "add a cat on the left mat.", "x", "remove the dog."]
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # SDXL's scheduler
SEEDS = [21, 22, 23, 24]
JOBS = list(zip(SOURCES, INSTRUCTIONS, SEEDS, strict=True))
CFG = {"guidance_scale": 3.0, "negative_prompt": ["blur"]}
GUIDED: dict[str, dict[str, object]] = {
    "StableDiffusionInstructPix2PixPipeline": {**CFG, "image_guidance_scale": 1.5},
    "StableDiffusionXLInstructPix2PixPipeline": {**CFG, "image_guidance_scale": 1.5},
    "QwenImageEditPipeline": {"true_cfg_scale": 3.0, "negative_prompt": ["blur"]},
    "QwenImageEditPlusPipeline": {"true_cfg_scale": 3.0, "negative_prompt": ["blur"]},
    "FluxKontextPipeline": {"guidance_scale": 3.0},
    "Flux2KleinPipeline": {"guidance_scale": 3.0},
    "OmniGenPipeline": {"guidance_scale": 3.0, "img_guidance_scale": 1.5},
    "OmniGen2Pipeline": {"text_guidance_scale": 3.0, "image_guidance_scale": 1.5, "negative_prompt": ["blur"]},
}
"""By hand, from each pipeline's documentation: what guides it, and nothing else of the kind."""
KNOBS = (
    "guidance_scale",
    "text_guidance_scale",
    "true_cfg_scale",
    "negative_prompt",
    "image_guidance_scale",
    "img_guidance_scale",
)
IN_BATCHES = {
    "StableDiffusionInstructPix2PixPipeline",
    "StableDiffusionXLInstructPix2PixPipeline",
    "QwenImageEditPipeline",
    "FluxKontextPipeline",
}
"""For the others, a list of pictures is several references for one, or OmniGen, whose source draws noise of its own."""


@pytest.mark.parametrize("name", EDITORS)
def test_pictures_of_mixed_sizes_in_one_call_come_back_as_when_each_is_edited_alone(name: str) -> None:
    player = editor(name)
    with calls_of(player) as calls:
        together = player.edit(SOURCES, INSTRUCTIONS, SEEDS)
    assert [one.size for one in together] == SIZES
    assert max(len(call["prompt"]) for call in calls) == (2 if name in IN_BATCHES else 1)
    alone = [player.edit([each], [text], [seed])[0] for each, text, seed in JOBS]
    assert max(map(distance, together, alone)) <= 1


@pytest.mark.parametrize("name", EDITORS)
def test_an_edit_is_repeated_bit_by_bit_and_depends_on_source_instruction_and_seed(name: str) -> None:
    player = editor(name)
    first, again = (player.edit(SOURCES[:2], INSTRUCTIONS[:2], SEEDS[:2]) for _ in range(2))
    assert [one.tobytes() for one in first] == [one.tobytes() for one in again]
    others = player.edit(
        [noise(64, 64, 9), SOURCES[0], SOURCES[0]],
        [INSTRUCTIONS[0], "add two green boats.", INSTRUCTIONS[0]],
        [SEEDS[0], SEEDS[0], 99],
    )
    assert min(distance(first[0], other) for other in others) > 1


@pytest.mark.parametrize("name", EDITORS)
def test_guidance_moves_the_edit_by_the_argument_that_guides_the_family_and_by_no_other(name: str) -> None:
    player, given = editor(name), (SOURCES[:1], INSTRUCTIONS[:1], SEEDS[:1])
    with calls_of(player) as calls:
        (guided,) = player.edit(*given)
    assert {knob: calls[0][knob] for knob in KNOBS if knob in calls[0]} == GUIDED[name]
    with called_with(player, guidance=6.0):
        assert distance(guided, player.edit(*given)[0]) > 1
    with called_with(player, image_guidance=3.0):
        moved = distance(guided, player.edit(*given)[0])
    listens = any(knob.startswith(("image_", "img_")) for knob in GUIDED[name])
    assert (moved > 1) == listens


@pytest.mark.parametrize("name", EDITORS)
def test_a_source_keeps_its_aspect_ratio_on_the_way_into_the_pipeline(name: str) -> None:
    player = editor(name)
    # A white disk of 60 pixels in the middle of a picture that no multiple of 8 fits.
    width, height = 150, 101
    rows, columns = np.mgrid[:height, :width]
    disk = ((columns - 74.5) ** 2 + (rows - 50) ** 2 < 30**2).astype(np.uint8) * 255
    with calls_of(player) as calls:
        (edited,) = player.edit([Image.fromarray(np.dstack([disk] * 3))], ["x"], [1])
    assert edited.size == (width, height)
    given = calls[0].get("input_images", calls[0].get("image"))
    while isinstance(given, list):
        (given,) = given
    seen = np.asarray(given)[..., 0] > 127
    across, down = np.ptp(np.flatnonzero(seen.any(0))) + 1, np.ptp(np.flatnonzero(seen.any(1))) + 1
    assert abs(int(across) - int(down)) <= 1
    wanted = {"width": given.width, "height": given.height, "max_area": given.width * given.height}
    assert {key: calls[0][key] for key in wanted if key in calls[0]} == {
        key: value for key, value in wanted.items() if key in calls[0]
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["QwenImageEditPipeline", "QwenImageEditPlusPipeline"])
def test_qwen_edits_mixed_sizes_also_with_sources_of_a_megapixel(name: str) -> None:
    player = editor(name)
    together = player.edit(SOURCES, INSTRUCTIONS, SEEDS)
    alone = [player.edit([each], [text], [seed])[0] for each, text, seed in JOBS]
    assert max(map(distance, together, alone)) <= 1
