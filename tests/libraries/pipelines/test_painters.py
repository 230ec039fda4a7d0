"""Every painter of the table, as a tiny pipeline of the very class: batches, repeats, guidance, sizes."""

import pytest

from tests.libraries.pipelines.players import PAINTERS, SIDE, called_with, calls_of, distance, painter

CAPTIONS = ["a red cat.", "a blue dog sleeps on a mat.", "x"]
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # SDXL's scheduler
SEEDS = [11, 12, 13]
CFG = {"guidance_scale": 3.0, "negative_prompt": ["blur"]}
GUIDED: dict[str, dict[str, object]] = {
    "StableDiffusionPipeline": CFG,
    "StableDiffusionXLPipeline": CFG,
    "QwenImagePipeline": {"true_cfg_scale": 3.0, "negative_prompt": ["blur"]},
    "FluxPipeline": {"guidance_scale": 3.0},
    "Flux2KleinPipeline": {"guidance_scale": 3.0},
    "SanaPipeline": CFG,
    "PixArtAlphaPipeline": CFG,
    "PixArtSigmaPipeline": CFG,
    "ZImagePipeline": CFG,
    "PRXPixelPipeline": CFG,
}
"""By hand, from each pipeline's documentation: what guides it, and nothing else of the kind."""
KNOBS = ("guidance_scale", "true_cfg_scale", "negative_prompt")


@pytest.mark.parametrize("name", PAINTERS)
def test_a_painter_is_loaded_from_its_folder_and_paints_at_the_size_that_it_is_told(name: str) -> None:
    player = painter(name)
    assert type(player.pipeline).__name__ == name
    with called_with(player, side_px=96):
        assert [one.size for one in player.paint(CAPTIONS, SEEDS)] == [(96, 96)] * 3


@pytest.mark.parametrize("name", PAINTERS)
def test_a_painting_is_the_same_alone_and_in_a_batch_and_when_it_is_repeated(name: str) -> None:
    player = painter(name)
    together, again = player.paint(CAPTIONS, SEEDS), player.paint(CAPTIONS, SEEDS)
    assert [one.tobytes() for one in together] == [one.tobytes() for one in again]
    with called_with(player, batch=1):
        alone = player.paint(CAPTIONS, SEEDS)
    assert max(map(distance, together, alone)) <= 1
    assert together[0].size == (SIDE, SIDE)


@pytest.mark.parametrize("name", PAINTERS)
def test_another_caption_and_another_seed_are_another_painting(name: str) -> None:
    player = painter(name)
    first, other, moved = player.paint(["a red cat.", "two green boats.", "a red cat."], [1, 1, 2])
    assert distance(first, other) > 1
    assert distance(first, moved) > 1


@pytest.mark.parametrize("name", PAINTERS)
def test_guidance_moves_the_painting_by_the_argument_that_guides_the_family_and_by_no_other(name: str) -> None:
    player = painter(name)
    with calls_of(player) as calls:
        (guided,) = player.paint(CAPTIONS[:1], SEEDS[:1])
        assert {knob: calls[0][knob] for knob in KNOBS if knob in calls[0]} == GUIDED[name]
        with called_with(player, guidance=6.0):
            assert distance(guided, player.paint(CAPTIONS[:1], SEEDS[:1])[0]) > 1
        with called_with(player, guidance=1.0):
            player.paint(CAPTIONS[:1], SEEDS[:1])
            assert "negative_prompt" not in calls[-1]


@pytest.mark.parametrize("name", [name for name, knobs in GUIDED.items() if "negative_prompt" in knobs])
def test_a_negative_prompt_moves_a_guided_painting(name: str) -> None:
    player = painter(name)
    before = player.paint(CAPTIONS[:1], SEEDS[:1])[0]
    with called_with(player, negative_prompt="a boat on the sea"):
        assert distance(before, player.paint(CAPTIONS[:1], SEEDS[:1])[0]) > 1


def test_no_captions_are_no_call() -> None:
    with calls_of(painter("SanaPipeline")) as calls:
        assert painter("SanaPipeline").paint([], []) == []
    assert calls == []
