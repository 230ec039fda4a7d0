"""A picture that is resized before it is sent gives a model the same pixels as the one that was not."""

import numpy as np
import pytest
import torch
from PIL import Image

from models.vlm import load_processing
from viper.profiles import load_profile

BASE = load_profile("shapes").models.vlm
TEXT = "<|vision_start|><|image_pad|><|vision_end|>"


def looked_at(limits: tuple[int, int], size: tuple[int, int]) -> tuple[bool, torch.Tensor, torch.Tensor]:
    family, processor, _ = load_processing(BASE.model_copy(update={"min_pixels": limits[0], "max_pixels": limits[1]}))
    rng = np.random.default_rng(sum(size))
    picture = Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    sent = family.as_seen(processor, picture)
    pixels = [processor(text=[TEXT], images=[one], return_tensors="pt")["pixel_values"] for one in (picture, sent)]
    return sent.size != size, *pixels


@pytest.mark.parametrize("size", [(48, 48), (97, 40), (40, 97), (300, 200), (20, 20), (600, 16), (333, 334)])
def test_what_is_sent_gives_the_pixels_of_the_original(size: tuple[int, int]) -> None:
    resized, original, sent = looked_at((1024, 9216), size)
    assert resized == (size != (48, 48))
    assert torch.equal(original, sent)


def test_limits_that_leave_no_lasting_size_send_the_picture_as_it_is() -> None:
    # 74 x 101 becomes 32 x 48, which is below the smallest, so that it would be enlarged to 48 x 64.
    resized, original, sent = looked_at((2304, 2304), (74, 101))
    assert not resized
    assert torch.equal(original, sent)
