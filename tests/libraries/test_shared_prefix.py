"""Packed groups give the log-probabilities, gradients and samples of the plain computation."""

import numpy as np
import pytest
import torch
from PIL import Image

from models.group_sampling import by_draws, sample_groups
from models.prompt_reader import Prompt
from models.shared_prefix import branch_mask, pack, prompt_positions, unpack
from models.vlm import Vlm, load_vlm
from models.worlds.shapes.tokenizer import make_tokenizer
from models.worlds.shapes.vlm import make_vlm, save_vlm
from viper.settings import VlmSettings

TEXTS = ("describe the image.", "what was changed from the first picture to the second?")


@pytest.fixture(scope="module")
def vlm(tmp_path_factory: pytest.TempPathFactory) -> Vlm:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder, tokenizer = tmp_path_factory.mktemp("vlm"), make_tokenizer()
    save_vlm(make_vlm(tokenizer), tokenizer, folder)
    return load_vlm(VlmSettings(path=str(folder), dtype="float32", device="cpu", attention="sdpa"))


@pytest.fixture
def prompts() -> list[Prompt]:
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)) for _ in range(3)]
    return [Prompt(TEXTS[0], (pictures[0],)), Prompt(TEXTS[1], (pictures[1], pictures[2]))]


def test_packed_log_probabilities_and_gradients_equal_the_plain_ones(vlm: Vlm, prompts: list[Prompt]) -> None:
    groups, counts = [0, 0, 0, 1, 1], [3, 2]
    rng = np.random.default_rng(1)
    answers = [rng.integers(8, 100, size=length).tolist() for length in (4, 1, 7, 3, 7)]
    of_row = [prompts[group] for group in groups]
    inputs = vlm.inputs(of_row)
    columns = max(map(len, answers))
    weights = torch.from_numpy(rng.normal(size=(len(answers), columns)).astype(np.float32))
    for row, answer in enumerate(answers):
        weights[row, len(answer) :] = 0

    padded = torch.tensor([answer + [0] * (columns - len(answer)) for answer in answers])
    ids = torch.cat([inputs["input_ids"], padded], 1)
    mask = torch.cat([inputs["attention_mask"], torch.ones_like(padded)], 1)
    positions = prompt_positions(vlm.model, ids, mask, inputs["image_grid_thw"])
    logits = vlm.model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        pixel_values=inputs["pixel_values"],
        image_grid_thw=inputs["image_grid_thw"],
    ).logits
    plain = logits[:, -columns - 1 : -1].log_softmax(-1).gather(-1, padded[:, :, None])[:, :, 0]
    parameters = [parameter for parameter in vlm.model.parameters() if parameter.requires_grad]
    expected = torch.autograd.grad((plain * weights).sum(), parameters, allow_unused=True)

    of_prompt = vlm.inputs(prompts)
    before = prompt_positions(vlm.model, inputs["input_ids"], inputs["attention_mask"], inputs["image_grid_thw"])
    packed = pack(inputs["input_ids"], inputs["attention_mask"], before, answers, groups)
    assert packed.ids_NL.shape[0] == len(counts)
    hidden = vlm.model.model(
        input_ids=packed.ids_NL,
        attention_mask=branch_mask(packed.branches_NL, torch.float32),
        position_ids=packed.positions_3NL,
        pixel_values=of_prompt["pixel_values"],
        image_grid_thw=of_prompt["image_grid_thw"],
    ).last_hidden_state
    labels = packed.labels_NL.clamp(min=0)
    values = torch.zeros(labels.shape)
    values[:, 1:] = vlm.model.lm_head(hidden[:, :-1]).log_softmax(-1).gather(-1, labels[:, 1:, None])[:, :, 0]
    shared = unpack(values, packed, list(range(len(answers))), (len(answers), columns))
    found = torch.autograd.grad((shared * weights).sum(), parameters, allow_unused=True)

    assert torch.allclose(shared[weights != 0], plain[weights != 0], atol=1e-5)
    for one, other in zip(expected, found, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert torch.allclose(one, other, atol=2e-4 * max(1.0, float(one.abs().max())))


def test_a_branch_does_not_see_its_sisters(vlm: Vlm, prompts: list[Prompt]) -> None:
    inputs = vlm.inputs(prompts[:1])
    before = prompt_positions(vlm.model, inputs["input_ids"], inputs["attention_mask"], inputs["image_grid_thw"])

    def second_branch(first: list[int]) -> torch.Tensor:
        ids, mask = inputs["input_ids"].repeat(2, 1), inputs["attention_mask"].repeat(2, 1)
        packed = pack(ids, mask, before.repeat(1, 2, 1), [first, [20, 30, 40]], [5, 5])
        hidden = vlm.model.model(
            input_ids=packed.ids_NL,
            attention_mask=branch_mask(packed.branches_NL, torch.float32),
            position_ids=packed.positions_3NL,
            pixel_values=inputs["pixel_values"],
            image_grid_thw=inputs["image_grid_thw"],
        ).last_hidden_state
        return hidden[0, packed.branches_NL[0] == 2]

    with torch.no_grad():
        assert torch.allclose(second_branch([11, 12]), second_branch([90, 91, 92, 93]), atol=1e-5)


@pytest.mark.parametrize("together", [True, False])
def test_sampling_from_a_repeated_cache_is_sampling_from_the_prompt(
    vlm: Vlm, prompts: list[Prompt], together: bool
) -> None:
    inputs = vlm.inputs(prompts)
    batches = [
        {
            "input_ids": inputs["input_ids"][rows],
            "attention_mask": inputs["attention_mask"][rows],
            **vlm.family.pictures_of(inputs, [1, 2], rows),
        }
        for rows in ([[0, 1]] if together else [[0], [1]])
    ]
    ends = [vlm.processor.tokenizer.eos_token_id]
    # Nearly greedy: then both ways of sampling must agree token by token.
    found = sample_groups(vlm.model, batches, [2, 3], 6, 1e-4, by_draws(torch.rand(5, 6)), ends).answers
    assert len(found) == 5
    assert found[0] == found[1]
    assert found[2] == found[3] == found[4]
    greedy = vlm.generate(prompts, max_new_tokens=6, batch=2)
    decoded = vlm.processor.batch_decode([found[0], found[2]], skip_special_tokens=True)
    assert [text.strip() for text in decoded] == greedy


def test_replies_to_a_prompt_that_is_read_once_are_those_of_reading_it_for_each(
    prompts: list[Prompt],
) -> None:
    # Trained weights: random ones would draw tokens of pictures, which no shared answer may hold.
    vlm = load_vlm(VlmSettings(path="shapes:vlm", device="cpu", dtype="float32"))
    one, other = prompts[:2]
    asked, seeds = [one, other, one, one, other], [3, 1, 4, 1, 5]
    found = vlm.generate(asked, max_new_tokens=12, batch=3, temperature=1.0, seeds=seeds)
    plain = [
        vlm._generate_batch(vlm.inputs([prompt]), 12, 1.0, [seed])[0] for prompt, seed in zip(asked, seeds, strict=True)
    ]
    assert found == plain
    assert len(set(found)) > 2
