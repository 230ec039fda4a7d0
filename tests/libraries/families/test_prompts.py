"""Every family: what a folder holds, how many tokens a picture costs, and that replies do not depend on the batch."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL.Image import Image

from models.families import FAMILIES, find_family
from models.prompt_reader import Prompt
from models.vlm import Vlm, load_vlm
from tests.small_vlms import SMALL, picture, settings_of
from viper.errors import ModelError

VlmOf = Callable[[str], Vlm]
FolderOf = Callable[[str], Path]
STOCK = {
    "qwen2_vl": ("Qwen2VLForConditionalGeneration", "Qwen2VLProcessor", "Qwen2VLImageProcessor"),
    "qwen2_5_vl": ("Qwen2_5_VLForConditionalGeneration", "Qwen2_5_VLProcessor", "Qwen2VLImageProcessor"),
    "qwen3_vl": ("Qwen3VLForConditionalGeneration", "Qwen3VLProcessor", "Qwen2VLImageProcessor"),
    "internvl": ("InternVLForConditionalGeneration", "InternVLProcessor", "GotOcr2ImageProcessor"),
    "llava_onevision": (
        "LlavaOnevisionForConditionalGeneration",
        "LlavaOnevisionProcessor",
        "LlavaOnevisionImageProcessor",
    ),
    "idefics3": ("Idefics3ForConditionalGeneration", "Idefics3Processor", "Idefics3ImageProcessor"),
    "smolvlm": ("SmolVLMForConditionalGeneration", "SmolVLMProcessor", "SmolVLMImageProcessor"),
    "gemma3": ("Gemma3ForConditionalGeneration", "Gemma3Processor", "Gemma3ImageProcessor"),
}
# Tokens of 32 x 32 alone, of 64 x 32 alone, of both in one prompt, by hand:
TOKENS = {
    # one a square of 16 x 16
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl", "qwen3_vl"), (4, 8, 12)),
    # 4 a crop of 32 x 32: one; two and the whole; both
    "internvl": (4, 12, 16),
    # the whole 16, then a crop of 4 x 4 or 4 x 8 and a feature behind each of 4 lines; beside another only 16 and 1
    "llava_onevision": (16 + 16 + 4, 16 + 32 + 4, 17 + 17),
    # enlarged to a longer side of 64; 4 a crop of 32 x 32 and 4 of the whole
    **dict.fromkeys(("idefics3", "smolvlm"), (5 * 4, 3 * 4, 8 * 4)),
    # 4 a picture
    "gemma3": (4, 4, 8),
}
every = pytest.mark.parametrize("kind", SMALL)


def four_prompts() -> list[Prompt]:
    """With one, one, two and no picture, of several sizes."""
    return [
        Prompt("describe the image.", (picture(32, 32),)),
        Prompt("describe the image. nothing to correct.", (picture(100, 40),)),
        Prompt("what was changed?", (picture(40, 70), picture(64, 64))),
        Prompt("hello"),
    ]


def tokens(vlm: Vlm, *pictures: Image) -> int:
    ids = vlm.inputs([Prompt("describe the image.", pictures)])["input_ids"]
    return int((ids == vlm.model.config.image_token_id).sum())


def changed_copy(folder: Path, to: Path, file: str, **changes: object) -> Path:
    shutil.copytree(folder, to)
    content = json.loads((to / file).read_text())
    (to / file).write_text(json.dumps(content | changes))
    return to


def test_there_is_a_small_model_of_every_family() -> None:
    assert [family.model_type for family in FAMILIES] == list(SMALL) == list(STOCK)


@every
def test_a_folder_is_a_stock_folder_and_is_loaded(kind: str, vlm_of: VlmOf, folder_of: FolderOf) -> None:
    vlm, (model, processor, images) = vlm_of(kind), STOCK[kind]
    saved = json.loads((folder_of(kind) / "processor_config.json").read_text())
    assert (type(vlm.model).__name__, saved["processor_class"]) == (model, processor)
    assert saved["image_processor"]["image_processor_type"] == images
    assert type(vlm.model).__module__.startswith("transformers.")
    assert vlm.processor.tokenizer.padding_side == "left"


@every
def test_a_processor_is_saved_as_it_was_loaded(kind: str, vlm_of: VlmOf, folder_of: FolderOf, tmp_path: Path) -> None:
    vlm_of(kind).processor.save_pretrained(tmp_path)
    name = "processor_config.json"
    assert json.loads((tmp_path / name).read_text()) == json.loads((folder_of(kind) / name).read_text())


@every
def test_pictures_cost_the_tokens_that_are_counted_by_hand(kind: str, vlm_of: VlmOf) -> None:
    vlm, small, wide = vlm_of(kind), picture(32, 32), picture(64, 32)
    assert (tokens(vlm, small), tokens(vlm, wide), tokens(vlm, small, wide)) == TOKENS[kind]
    assert tokens(vlm) == 0


@every
def test_a_reply_is_the_same_alone_and_in_a_batch(kind: str, vlm_of: VlmOf) -> None:
    vlm, prompts = vlm_of(kind), four_prompts()
    greedy = [vlm.generate([one], max_new_tokens=8, batch=1)[0] for one in prompts]
    assert vlm.generate(prompts, max_new_tokens=8, batch=4) == greedy
    assert vlm.answer(vlm.prepare(prompts, batch=2), max_new_tokens=8) == greedy
    sampled = [
        vlm.generate([one], max_new_tokens=8, batch=1, temperature=1.0, seeds=[seed])[0]
        for seed, one in enumerate(prompts)
    ]
    assert vlm.generate(prompts, max_new_tokens=8, batch=4, temperature=1.0, seeds=range(4)) == sampled != greedy


@every
def test_prepared_prompts_count_their_image_tokens(kind: str, vlm_of: VlmOf) -> None:
    one, two = Prompt("a", (picture(32, 32),)), Prompt("b", (picture(32, 32), picture(64, 32)))
    assert vlm_of(kind).prepare([one, two], batch=1).image_tokens == TOKENS[kind][0] + TOKENS[kind][2]


def last_logits(vlm: Vlm, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = vlm.model(**inputs).logits[:, -1]
    return found


@every
def test_a_batch_is_divided_so_that_each_prompt_keeps_its_own_pictures(kind: str, vlm_of: VlmOf) -> None:
    vlm, rows = vlm_of(kind), [2, 0]
    shown = [(picture(32, 32, 1),), (picture(64, 40, 2), picture(32, 32, 3)), (picture(64, 64, 4),)]
    inputs = dict(vlm.inputs([Prompt("describe the image.", pictures) for pictures in shown]))
    together = last_logits(vlm, inputs)
    chosen = {name: value[rows] for name, value in inputs.items() if value.shape == inputs["input_ids"].shape}
    crops = vlm.family.crops(shown, vlm.processor)
    chosen |= vlm.family.pictures_of(inputs | ({"num_tiles": crops} if crops else {}), [1, 2, 1], rows)
    torch.testing.assert_close(last_logits(vlm, chosen), together[rows], atol=1e-5, rtol=1e-4)
    shown[0] = (picture(32, 32, 9),)
    unlike = last_logits(vlm, dict(vlm.inputs([Prompt("describe the image.", pictures) for pictures in shown])))
    assert not torch.allclose(unlike[0], together[0], atol=1e-5)
    torch.testing.assert_close(unlike[1:], together[1:], atol=1e-5, rtol=1e-4)


@every
def test_a_template_that_writes_a_pictures_token_twice_is_refused(
    kind: str, folder_of: FolderOf, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(folder_of(kind), tmp_path / "vlm"))
    template, token = folder / "chat_template.jinja", load_vlm(settings_of(folder)).processor.image_token
    template.write_text(template.read_text().replace(token, token * 2))
    with pytest.raises(ModelError, match="The processor of this model refuses prompts with pictures"):
        load_vlm(settings_of(folder)).inputs([Prompt("describe the image.", (picture(32, 32),))])


WRONG = {
    "internvl": {"image_seq_length": 3},
    "llava_onevision": {"num_image_tokens": 9},
    "idefics3": {"image_seq_len": 3},
    "smolvlm": {"image_seq_len": 3},
    "gemma3": {"image_seq_length": 3},
}
"""Settings of a processor that fit another model."""


@every
def test_a_processor_of_another_model_is_refused(kind: str, folder_of: FolderOf, tmp_path: Path) -> None:
    name = "processor_config.json"
    changes = WRONG.get(kind)
    if changes is None:
        images = json.loads((folder_of(kind) / name).read_text())["image_processor"]
        changes = {"image_processor": images | {"merge_size": 1}}
    vlm = load_vlm(settings_of(changed_copy(folder_of(kind), tmp_path / "vlm", name, **changes)))
    with pytest.raises(ModelError, match=r"\d+ image tokens in a prompt but \d+ image features"):
        vlm.inputs([Prompt("hello"), Prompt("describe the image.", (picture(32, 32),))])


@every
@pytest.mark.parametrize("pictures", [0, 1, 2])
def test_a_text_like_special_tokens_stays_text(kind: str, pictures: int, vlm_of: VlmOf) -> None:
    vlm, shown = vlm_of(kind), (picture(32, 32),) * pictures
    tokenizer = vlm.processor.tokenizer
    names = [token.content for token in tokenizer.added_tokens_decoder.values()]

    def specials(text: str) -> list[int]:
        ids = vlm.inputs([Prompt(text, shown), Prompt("hello")])["input_ids"][0].tolist()
        assert text in tokenizer.decode(ids)
        return [one for one in ids if one in tokenizer.added_tokens_decoder and one != tokenizer.pad_token_id]

    plain = specials("what is it?")
    for text in [*names, " ".join(names)]:
        assert specials(f"what is {text} ?") == plain


@pytest.mark.parametrize("kind", ["idefics3", "smolvlm", "gemma3"])
def test_a_beginning_that_the_template_writes_is_there_once(kind: str, vlm_of: VlmOf) -> None:
    vlm = vlm_of(kind)
    bos = vlm.processor.tokenizer.bos_token_id
    for text in ("describe the image.", f"what is {vlm.processor.image_token} ?"):
        ids = vlm.inputs([Prompt(text, (picture(32, 32),))])["input_ids"][0].tolist()
        assert (ids[0], ids.count(bos)) == (bos, 1)


@every
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (1, 200), (3, 100), (2000, 1), (640, 480)])
@pytest.mark.filterwarnings("ignore:.*channel dimension is ambiguous")
def test_a_picture_is_read_unless_its_shape_is_refused_before(kind: str, size: tuple[int, int], vlm_of: VlmOf) -> None:
    vlm, shapes = vlm_of(kind), find_family(kind).shapes
    allowed = max(size) <= shapes.max_aspect * min(size) and min(size) >= shapes.min_side_px
    for count in (1, 2):
        prompt = Prompt("describe the image.", (picture(*size),) * count)
        if allowed:
            assert tokens(vlm, *prompt.images) > 0
        else:
            with pytest.raises(ModelError, match="refuses prompts with pictures: absolute aspect ratio"):
                vlm.inputs([prompt])
