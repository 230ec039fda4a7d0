"""Pictures, sentences and marks of a gallery, and the shares of what the filter decided."""

import base64
import io

from PIL import Image

from storage.images import encode_png
from tasks.gallery import LARGEST_PX, SMALLEST_PX, Said, Sample, shown
from tasks.pages import yield_rows


def opened(uri: str) -> Image.Image:
    kind, _, data = uri.partition(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert kind == f"data:image/{(image.format or '').lower()}"
    return image


def test_small_pictures_are_enlarged_by_whole_numbers_and_stay_exact() -> None:
    small = Image.new("RGB", (48, 40), "red")
    small.putpixel((1, 0), (0, 0, 255))
    image = opened(shown(encode_png(small)))
    assert image.size == (SMALLEST_PX, 120)
    assert [image.getpixel((x, 0)) for x in (2, 3, 5, 6)] == [(255, 0, 0), (0, 0, 255), (0, 0, 255), (255, 0, 0)]


def test_large_pictures_are_reduced_and_light() -> None:
    uri = shown(encode_png(Image.effect_noise((1600, 800), 60).convert("RGB")))
    assert opened(uri).size == (LARGEST_PX, LARGEST_PX // 2)
    assert len(uri) < 60_000
    assert opened(shown(encode_png(Image.new("RGB", (200, 30))))).size == (200, 30)


def test_a_sample_says_what_the_filter_decided_and_how_much_closer_the_painting_came() -> None:
    def sample(kept: bool, reason: str, gain: float) -> Sample:
        return Sample("l", "r", "painting", "caption", (Said("one.", kept),), kept, reason, gain)

    accepted, rejected = sample(True, "accepted", 3.14), sample(False, "painting not closer", -0.2)
    assert accepted.decision == "accepted; closer by 3.1 times the painter's noise"
    assert rejected.decision == "rejected: painting not closer; farther by 0.2 times the painter's noise"
    assert [one.sentences[0].mark for one in (accepted, rejected)] == ["✓", "✗"]
    assert sample(True, "nothing to correct", 0.0).decision == "accepted: nothing to correct"


def test_shares_are_of_all_of_their_kind_and_texts_have_none() -> None:
    counts = {"pool": {"taken": 90, "too small": 10}, "csr": {"accepted": 1, "empty critique": 2}, "text": {"x": 5}}
    assert yield_rows(counts) == [
        ("pool", "taken", 90, "90.0 %"),
        ("pool", "too small", 10, "10.0 %"),
        ("csr", "accepted", 1, "33.3 %"),
        ("csr", "empty critique", 2, "66.7 %"),
        ("text", "x", 5, ""),
    ]
