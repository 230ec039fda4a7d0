"""Pictures, sentences and marks of a gallery, and the shares of what the filter decided."""

import base64
import io

from PIL import Image

from flows.start import open_store
from models.payloads import Refinement, Refinements, Verdict
from storage.images import encode_png
from tasks.gallery import LARGEST_PX, SMALLEST_PX, Said, Sample, caption_samples, shown
from tasks.pages import yield_rows
from tests.loop import shard_of, stored
from viper.records import Synthesis


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


def test_each_correction_has_its_own_mark_and_gain_and_what_stands_comes_first() -> None:
    verdicts = {
        "it is red.": Verdict(kept=False, reason="painting not closer", gain=-2.0, samples=1),
        "it is teal.": Verdict(kept=True, reason="accepted", gain=4.0, samples=3),
        "it is green.": Verdict(kept=False, reason="caption unchanged", samples=2),
    }
    row = Refinement(
        caption="a green ring.",
        refinements="it is teal.",
        refined="a teal ring.",
        kept=True,
        reason="accepted",
        gain=4.0,
        first_distance=6.0,
        verdicts=verdicts,
    )
    pictures = {"a": Image.new("RGB", (8, 8), "teal")}
    made = Synthesis(
        datasets={},
        shards=(shard_of(pictures),),
        products={
            "refinements": (stored("refinements", Refinements({"a": row})),),
            "paintings": (stored("paintings", pictures=pictures),),
        },
        seconds=(),
    )
    (sample,) = caption_samples(open_store(), made, 3)
    assert [(one.mark, one.text, one.why) for one in sample.sentences] == [
        ("✓", "it is teal.", "accepted, said 3 x, closer by 4.0 times the painter's noise"),
        ("✗", "it is green.", "caption unchanged, said 2 x"),
        ("✗", "it is red.", "painting not closer, said 1 x, farther by 2.0 times the painter's noise"),
    ]


def test_shares_are_of_all_of_their_kind_and_texts_have_none() -> None:
    counts = {"pool": {"taken": 90, "too small": 10}, "csr": {"accepted": 1, "empty critique": 2}, "text": {"x": 5}}
    assert yield_rows(counts) == [
        ("pool", "taken", 90, "90.0 %"),
        ("pool", "too small", 10, "10.0 %"),
        ("csr", "accepted", 1, "33.3 %"),
        ("csr", "empty critique", 2, "66.7 %"),
        ("text", "x", 5, ""),
    ]
