"""Pictures of a benchmark are found in the pool."""

import io
import time
from collections.abc import Iterable, Mapping

import numpy as np
from PIL import Image

from models.contamination import Hashes, KnownPictures, hash_picture
from models.worlds import find_world


def find_known(pictures: Mapping[str, Hashes], suites: Mapping[str, Iterable[Hashes]], max_bits: int) -> dict[str, str]:
    """The pictures that a suite holds, with the suite."""
    known = KnownPictures(suites, max_bits)
    return {name: suite for name, hashes in pictures.items() if (suite := known.suite_of(hashes))}


def _photograph(seed: int) -> Image.Image:
    """Blurred noise: smooth, like a photograph, and unlike any other."""
    pixels = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((320, 240), Image.Resampling.BICUBIC)


def _encoded_again(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.resize((256, 192)).save(buffer, "JPEG", quality=70)
    return Image.open(buffer).convert("RGB")


def test_a_smaller_and_compressed_copy_is_found_and_other_photographs_are_not() -> None:
    suite = [hash_picture(_photograph(seed), 16) for seed in range(100)]
    pool = {f"copy of {seed}": hash_picture(_encoded_again(_photograph(seed)), 16) for seed in range(40)}
    pool |= {f"other {seed}": hash_picture(_photograph(1000 + seed), 16) for seed in range(100)}
    known = find_known(pool, {"photos": suite}, 10)
    assert set(known) == {f"copy of {seed}" for seed in range(40)}
    assert set(known.values()) == {"photos"}
    assert find_known(pool, {"photos": suite}, -1) == {}


def test_equal_pixels_are_found_whatever_the_threshold() -> None:
    pictures = [
        Image.open(io.BytesIO(data)).convert("RGB")
        for data in (find_world("shapes").draw_picture("shapes:", 1, number) for number in range(20))
    ]
    hashes = [hash_picture(picture, 16) for picture in pictures]
    pool = {str(number): one for number, one in enumerate(hashes)}
    assert find_known(pool, {"first": hashes[5:6], "second": hashes[5:8]}, -1) == {
        "5": "first",
        "6": "second",
        "7": "second",
    }
    assert find_known(pool, {"empty": []}, 256) == {}


def test_pixels_of_another_shape_are_another_picture() -> None:
    blank = hash_picture(Image.new("RGB", (40, 20)), 8)
    turned = hash_picture(Image.new("RGB", (20, 40)), 8)
    assert blank[0] != turned[0]
    assert blank[1] == turned[1]


def test_thousands_of_pictures_take_seconds() -> None:
    rng = np.random.default_rng(0)
    pool, suite = ([("", rng.bytes(32).hex()) for _ in range(count)] for count in (1000, 20_000))
    began = time.process_time()
    find_known({str(number): ("x", near) for number, (_, near) in enumerate(pool)}, {"suite": suite}, 10)
    assert time.process_time() - began < 5
