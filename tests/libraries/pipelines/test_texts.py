"""A text that is too long is shortened by whole sentences to what the family's own tokenizers take."""

from types import SimpleNamespace
from typing import Any

import pytest
from transformers import PreTrainedTokenizerBase

from models.payloads import FittedText, shortened_of
from models.pipelines.families import FAMILIES
from models.pipelines.family import PipelineFamily, TextLimit
from models.pipelines.texts import fit_text
from tests.libraries.pipelines.players import EDITORS, PAINTERS, editor, noise, painter
from tests.small_tokenizers import clip_tokenizer

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # SDXL's scheduler
SENTENCE = "A red cat."
KEPT = {
    "StableDiffusionPipeline": 9,  # 8 tokens a sentence: 75 // 8
    "StableDiffusionXLPipeline": 9,
    "FluxPipeline": 46,  # 11 a sentence, as each word has a token for its space: 511 // 11
    "PixArtAlphaPipeline": 10,  # 119 // 11
    "PixArtSigmaPipeline": 27,  # 299 // 11
    "SanaPipeline": 27,  # 10 a sentence and 1 between two: 299 // 11
    "Flux2KleinPipeline": 43,  # as Sana, and 38 of the chat: 475 // 11
    "ZImagePipeline": 44,  # as Klein, without 19 of an empty thought: 494 // 11
    "PRXPixelPipeline": 7,  # its folder says 64: 62 // 8
}
"""Sentences that fit, by hand: the tiny tokenizers have a token a letter."""
TRUNCATING = [
    *PAINTERS,
    "StableDiffusionInstructPix2PixPipeline",
    "StableDiffusionXLInstructPix2PixPipeline",
    "FluxKontextPipeline",
]
BEYOND: dict[str, Any] = dict.fromkeys(PAINTERS, painter) | {name: editor for name in EDITORS if name not in PAINTERS}


class Watching:
    """A pipeline's tokenizer, which works as always and remembers which texts it had to cut."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer, self.cut = tokenizer, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tokenizer, name)

    def __call__(self, texts: str | list[str], **given: Any) -> Any:
        if given.get("truncation"):
            whole = [texts] if isinstance(texts, str) else texts
            longest = max(len(self.tokenizer(one, verbose=False)["input_ids"]) for one in whole)
            self.cut += longest > given["max_length"]
        return self.tokenizer(texts, **given)


def family_of(name: str) -> PipelineFamily:
    return next(one for one in FAMILIES if name in one.classes)


def cuts(player: Any, text: str) -> int:
    """How often the tokenizers that count cut this text while the pipeline works."""
    limit = player.family.text
    watching = {name: Watching(getattr(player.pipeline, name)) for name in limit.tokenizers}
    for name, one in watching.items():
        setattr(player.pipeline, name, one)
    try:
        if "painter" in player.family.roles:
            player.paint([text], [1])
        else:
            player.edit([noise(64, 64)], [text], [1])
    finally:
        for name, one in watching.items():
            setattr(player.pipeline, name, one.tokenizer)
    return sum(one.cut for one in watching.values())


@pytest.mark.parametrize(("name", "kept"), KEPT.items())
def test_as_many_sentences_are_kept_as_the_text_encoder_takes(name: str, kept: int) -> None:
    text = " ".join([SENTENCE] * 100)
    fitted = painter(name).fit(text)
    assert fitted == FittedText(text=" ".join([SENTENCE] * kept), left_out=100 - kept)
    assert painter(name).fit(fitted.text) == FittedText(text=fitted.text)


@pytest.mark.parametrize("name", TRUNCATING)
def test_a_fitted_text_is_not_cut_by_the_pipeline_and_one_sentence_more_would_be(name: str) -> None:
    player = BEYOND[name](name)
    fitted = player.fit(" ".join([SENTENCE] * 150))
    assert fitted.left_out > 0
    assert cuts(player, fitted.text) == 0
    assert cuts(player, f"{fitted.text} {SENTENCE}") > 0


@pytest.mark.parametrize("name", ["QwenImageEditPipeline", "QwenImageEditPlusPipeline"])
def test_qwen_s_editors_take_the_1024_tokens_that_they_document(name: str) -> None:
    # 10 letters a sentence and 1 between two: 1025 // 11.
    assert editor(name).fit(" ".join([SENTENCE] * 100)) == FittedText(text=" ".join([SENTENCE] * 93), left_out=7)


def test_what_stands_beyond_the_limit_moves_no_painting() -> None:
    player = painter("StableDiffusionPipeline")
    fitted = player.fit(" ".join([SENTENCE] * 9 + ["A boat on the wide sea."]))
    assert fitted.left_out == 1
    assert player.paint([fitted.text], [1])[0].tobytes() == player.paint([" ".join([SENTENCE] * 9)], [1])[0].tobytes()


def clip() -> Any:
    return SimpleNamespace(tokenizer=clip_tokenizer())


def test_a_text_that_fits_is_left_as_it_is() -> None:
    text = "  Two cats.\n\n- On a mat  "
    assert fit_text(clip(), family_of("StableDiffusionPipeline"), text) == FittedText(text=text)


def test_of_a_sentence_that_is_too_long_by_itself_the_whole_words_that_fit_are_kept() -> None:
    # 75 letters fit: twelve words of six.
    fitted = fit_text(clip(), family_of("StableDiffusionPipeline"), " ".join(["winter"] * 20) + ". A cat.")
    assert fitted == FittedText(text=" ".join(["winter"] * 12), left_out=1, cut=True)
    assert len(clip().tokenizer(fitted.text)["input_ids"]) == 74


def test_a_word_without_end_is_cut_where_the_limit_is() -> None:
    assert fit_text(clip(), family_of("StableDiffusionPipeline"), "a" * 200) == FittedText(text="a" * 75, cut=True)


def test_a_family_without_a_limit_takes_any_text() -> None:
    text = " ".join([SENTENCE] * 1000)
    assert fit_text(None, family_of("OmniGenPipeline"), text) == FittedText(text=text)


def test_every_tokenizer_of_a_family_must_take_the_text() -> None:
    family = PipelineFamily("two", ("Two",), ("painter",), 8, text=TextLimit(77, ("tokenizer", "tokenizer_2")))

    def strict(text: str, verbose: bool) -> dict[str, list[int]]:
        return {"input_ids": [0] * 40 * len(text.split())}

    pipeline = SimpleNamespace(tokenizer=clip_tokenizer(), tokenizer_2=strict)
    assert fit_text(pipeline, family, "Cats sleep. Dogs.").text == "Cats"
    assert fit_text(pipeline, family, "Cats.").text == "Cats."


def test_what_was_left_out_is_counted() -> None:
    cut = FittedText(text="z", left_out=1, cut=True)
    fitted = {"a": FittedText(text="x"), "b": FittedText(text="y", left_out=3), "c": cut}
    shortened = shortened_of(fitted)
    assert set(shortened.root) == {"b", "c"}
    assert shortened.counts() == {"shortened": 2, "sentences_left_out": 5}
