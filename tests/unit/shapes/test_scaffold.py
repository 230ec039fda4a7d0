"""The scaffold expects of each token what the scenes hold, and can be learned."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.worlds.shapes.collation import collate
from models.worlds.shapes.examples import (
    EVERYTHING,
    Example,
    critique_example,
    draw_example,
    predict_example,
    question_example,
    refine_example,
)
from models.worlds.shapes.questions import NUMBERS
from models.worlds.shapes.scaffold import IGNORED, NOWHERE, Scaffold, find_clues
from models.worlds.shapes.scene import ATTRIBUTE_WORDS, GRID, POSITIONS
from models.worlds.shapes.tokenizer import make_tokenizer

TOKENIZER = make_tokenizer()
seeds = st.integers(min_value=0, max_value=2**32 - 1)


def clues_of(*examples: Example):  # type: ignore[no-untyped-def]
    batch = collate(TOKENIZER, list(examples))
    return batch, find_clues(TOKENIZER, examples, batch["input_ids"], batch["labels"])


@given(seeds)
def test_a_cell_of_the_second_picture_looks_up_the_first(seed: int) -> None:
    example = predict_example(np.random.default_rng(seed), 0.0)
    batch, clues = clues_of(example)
    assert len(clues.sites) == GRID * GRID
    image = TOKENIZER.convert_tokens_to_ids("<|image_pad|>")
    assert all(batch["input_ids"][row, token] == image for row, token in clues.sites)
    for cell, classes in enumerate(clues.contents.tolist()):
        for thing, found in ((example.scenes[0].at(cell), classes[:3]), (example.scenes[1].at(cell), classes[3:])):
            names = [
                words[number - 1] if number else None
                for words, number in zip(ATTRIBUTE_WORDS.values(), found, strict=True)
            ]
            assert names == ([thing.size, thing.color, thing.shape] if thing else [None] * 3)


@given(seeds)
def test_a_sentence_looks_up_its_cell_and_knows_itself_at_its_end(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for example in (refine_example(rng, 0.5), critique_example(rng, 0.5)):
        batch, clues = clues_of(example)
        period = TOKENIZER.convert_tokens_to_ids(".")
        ends = [
            contents
            for (row, token), contents, of_sentence in zip(
                clues.sites.tolist(), clues.contents.tolist(), clues.of_sentences.tolist(), strict=True
            )
            if of_sentence and batch["input_ids"][row, token] == period
        ]
        assert len(ends) == len(example.named)
        for contents, thing in zip(ends, example.named, strict=True):
            seen = example.scenes[0].at(thing.cell)
            same = [int(getattr(seen, name, None) == getattr(thing, name)) for name in ATTRIBUTE_WORDS]
            assert same == [int(a == b) for a, b in zip(contents[:3], contents[3:], strict=True)]


@given(seeds)
def test_an_answer_is_told_where_to_look_before_it_says_so(seed: int) -> None:
    rng = np.random.default_rng(seed)
    example = predict_example(rng, 0.0)
    batch, clues = clues_of(example)
    first = int((batch["labels"][0] >= 0).int().argmax())
    place = POSITIONS[int(clues.chosen[0, first - 1])]
    assert place in example.answer.split(".")[0]
    assert clues.chosen[0, clues.chosen[0] != IGNORED][-1] == NOWHERE


@given(seeds)
def test_a_question_is_told_at_its_end_which_objects_it_means(seed: int) -> None:
    rng = np.random.default_rng(seed)
    example = question_example(rng, 0.0)
    batch, clues = clues_of(example)
    ((row, token),) = clues.questions.tolist()
    assert batch["input_ids"][row, token] == TOKENIZER.convert_tokens_to_ids("?")
    meant = clues.meant.reshape(2, GRID * GRID)
    assert all((meant[picture] == IGNORED).all() for picture in range(len(example.scenes), 2))
    found = [[cell for cell in range(GRID * GRID) if meant[picture, cell] == 1] for picture in range(2)]
    assert all(scene.at(cell) for scene, cells in zip(example.scenes, found, strict=False) for cell in cells)
    answer = example.answer.rstrip(".")
    if example.prompt.startswith("how many"):
        assert NUMBERS[len(found[0])] == answer
    elif example.prompt.startswith("where is"):
        assert [POSITIONS[cell] for cell in found[0]] == [answer]
    elif example.prompt.startswith("which picture"):
        first, second = map(len, found)
        assert answer == ("same" if first == second else "first" if first > second else "second")
    elif example.prompt.startswith(("is there an object", "does the")):
        assert bool(found[0]) == (answer == "yes")
    elif example.prompt.startswith("what"):
        (cell,) = found[0]
        assert answer in str(example.scenes[0].at(cell))


@given(seeds)
def test_a_word_of_a_prompt_is_told_where_it_is_seen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for example in (refine_example(rng, 0.5), question_example(rng, 0.5)):
        batch, clues = clues_of(example)
        names = [word for words in ATTRIBUTE_WORDS.values() for word in words]
        said = [word.strip(".,?") for word in example.prompt.split() if word.strip(".,?") in names]
        assert len(clues.words) == len(said)
        for (row, token), flags, word in zip(clues.words.tolist(), clues.seen.reshape(-1, 2, 9), said, strict=True):
            assert TOKENIZER.decode([int(batch["input_ids"][row, token])]).strip() == word
            for scene, cells in zip(example.scenes, flags, strict=False):
                things = [scene.at(cell) for cell in range(GRID * GRID)]
                assert cells.tolist() == [float(thing is not None and word in vars(thing).values()) for thing in things]


def test_every_example_gives_clues_of_one_shape_and_a_finite_loss() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    examples = [draw_example(rng, EVERYTHING, 0.5) for _ in range(32)]
    batch, clues = clues_of(*examples)
    scaffold = Scaffold()
    states = [torch.randn(*batch["input_ids"].shape, 128) for _ in range(7)]
    loss = scaffold(states, clues)
    assert torch.isfinite(loss)
    loss.backward()
    assert all(parameter.grad is not None for parameter in scaffold.parameters())
