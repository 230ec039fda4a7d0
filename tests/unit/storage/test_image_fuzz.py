"""Damaged pictures: nothing but a named refusal is raised, in bounded time, and what passes is read by the rest."""

import resource
import time
from collections import Counter

import numpy as np
import pytest
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from storage.images import encode_png, read_image
from tests.unit.storage.picture_files import mutants, valid_files
from viper.errors import UnusableImage
from viper.pictures import ImageLimits

LIMITS = ImageLimits(max_pixels=250_000, max_bytes=1_000_000, min_side_px=3, max_aspect=200)
REASONS = {"not an image", "too large", "too narrow", "too small", "animated", "truncated", "unsupported"}
WORST_S = 5.0
"""No file may take longer; a machine that is busy with other things takes long, too."""
PEAK_BYTES = 300_000_000
"""Nor may memory grow by more over all files: a picture of the largest size takes a hundredth of it."""
SET_ASIDE = {"TIFF F": "unsupported"} | {f"{form} of two": "animated" for form in ("PNG", "GIF", "WEBP", "TIFF")}
PROCESSOR = Qwen2VLImageProcessorPil(patch_size=8, size={"shortest_edge": 2304, "longest_edge": 2304})


def outcome(data: bytes) -> str:
    try:
        picture = read_image(data, LIMITS)
    except UnusableImage as refused:
        return refused.reason
    assert picture.mode == "RGB"
    assert LIMITS.refusal(*picture.size) is None
    assert read_image(encode_png(picture), LIMITS).tobytes() == picture.tobytes()
    assert np.isfinite(PROCESSOR(images=[picture], return_tensors="np")["pixel_values"]).all()
    return "accepted"


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_the_files_that_are_damaged_were_sound() -> None:
    found = {name: outcome(data) for name, data in valid_files().items()}
    assert {name: said for name, said in found.items() if said != "accepted"} == SET_ASIDE


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 1_500), pytest.param(2, 50_000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])]
)
def test_damage_ends_in_a_picture_or_a_named_reason(seed: int, count: int) -> None:
    before, slowest, found = peak_bytes(), (0.0, ""), Counter[str]()
    began = time.perf_counter()
    for name, data in mutants(seed, count):
        start = time.perf_counter()
        found[outcome(data)] += 1
        slowest = max(slowest, (time.perf_counter() - start, name))
    grown = peak_bytes() - before
    print(
        f"{count} files in {time.perf_counter() - began:.0f} s, at most {slowest[0]:.2f} s ({slowest[1]}) each, "
        f"memory grew by {grown / 1e6:.0f} MB: {dict(found.most_common())}"
    )
    assert set(found) == REASONS | {"accepted"}
    assert slowest[0] < WORST_S
    assert grown < PEAK_BYTES
