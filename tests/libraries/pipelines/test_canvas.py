"""The size at which a picture is edited: its own aspect ratio, about side_px² pixels, and nothing stretched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.pipelines.canvas import canvas_for
from tests.libraries.pipelines.players import distance, noise
from viper.pictures import ShapeLimits

ANY = ShapeLimits()
KLEIN = ShapeLimits(min_side_px=64, max_aspect=8)


@pytest.mark.parametrize(
    ("source", "size"),
    # Each about a megapixel, by hand: 1024 times and over the root of 1, of 4, of 16:9, of 1:8.
    [((77, 77), (1024, 1024)), ((1600, 400), (2048, 512)), ((1920, 1080), (1360, 768)), ((100, 800), (368, 2896))],
)
def test_a_picture_is_edited_at_its_own_aspect_ratio(source: tuple[int, int], size: tuple[int, int]) -> None:
    assert canvas_for(source, 1024, 16, ANY).size == size


def test_a_side_is_a_multiple_of_what_the_family_needs() -> None:
    assert canvas_for((1920, 1080), 1024, 32, ANY).size == (1376, 768)
    assert canvas_for((200, 1), 64, 16, ANY).size == (912, 16)


def test_a_canvas_keeps_to_the_shapes_that_the_model_takes() -> None:
    # Nearest would be 1440 x 176, which is longer than 8 : 1 and which FLUX.2 refuses.
    assert canvas_for((799, 100), 512, 16, ANY).size == (1440, 176)
    assert canvas_for((799, 100), 512, 16, KLEIN).size == (1440, 192)
    assert canvas_for((61, 37), 64, 16, KLEIN).size == (80, 64)


@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([48, 64, 512, 1024]), st.sampled_from([8, 16, 32]))
def test_both_directions_are_scaled_alike_to_half_a_pixel(width: int, height: int, side: int, multiple: int) -> None:
    canvas = canvas_for((width, height), side, multiple, ANY)
    scale = min(canvas.size[0] / width, canvas.size[1] / height)
    assert abs(canvas.filled[0] - width * scale) <= 0.5 or canvas.filled[0] == 1
    assert abs(canvas.filled[1] - height * scale) <= 0.5 or canvas.filled[1] == 1
    assert all(
        1 <= filled <= size and size % multiple == 0 for filled, size in zip(canvas.filled, canvas.size, strict=True)
    )


def test_what_is_laid_on_a_canvas_is_taken_from_it_again() -> None:
    picture = noise(150, 101)
    canvas = canvas_for(picture.size, 256, 16, ANY)
    assert (canvas.size, canvas.filled) == ((304, 208), (304, 205))
    laid = canvas.lay(picture)
    assert laid.size == (304, 208)
    assert np.array_equal(np.asarray(laid)[205:], np.repeat(np.asarray(laid)[204:205], 3, axis=0))
    assert distance(canvas.take(laid), picture) <= 8  # two scalings of soft colors


def test_a_square_picture_of_the_working_size_is_not_touched() -> None:
    picture = Image.effect_noise((48, 48), 50).convert("RGB")
    canvas = canvas_for(picture.size, 48, 16, ANY)
    assert canvas.lay(picture) is picture
    assert canvas.take(picture) is picture


def test_an_answer_of_another_size_is_not_taken() -> None:
    with pytest.raises(ValueError, match=r"gave \(32, 32\) for a canvas of \(48, 48\)"):
        canvas_for((48, 48), 48, 16, ANY).take(Image.new("RGB", (32, 32)))
