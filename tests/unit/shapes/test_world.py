"""The embedded world: scenes, language, parser, questions."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.suites.suite import Question
from models.suites.tsv import read_tsv
from models.worlds import find_suite
from models.worlds.shapes import grammar
from models.worlds.shapes.parser import read_scene
from models.worlds.shapes.pictures import render_pair
from models.worlds.shapes.prompts import PROMPTS
from models.worlds.shapes.questions import SUITE_QUESTIONS
from models.worlds.shapes.scene import COARSE, POSITIONS, Scene, Thing, render, sample_scene
from models.worlds.shapes.suites import SETS, SUITES, write_suite
from models.worlds.shapes.tokenizer import make_tokenizer
from models.worlds.shapes.truth import true_refinements

seeds = st.integers(min_value=0, max_value=2**32 - 1)


def test_parser_reads_every_drawn_scene_back() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        scene = sample_scene(rng)
        assert read_scene(render(scene, rng)) == scene


def test_parser_refuses_what_is_no_shape() -> None:
    picture = render(Scene(()), np.random.default_rng(0))
    picture[2:14, 2:8] = (0, 0, 0)
    with pytest.raises(ValueError, match="cell 0"):
        read_scene(picture)


@given(seeds)
def test_captions_read_back_as_their_scene(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = sample_scene(rng)
    assert grammar.read_caption(grammar.say_caption(scene, rng)) == list(scene.things)


@given(seeds)
def test_operations_read_back_and_change_the_scene(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = sample_scene(rng)
    operation = grammar.sample_operation(scene, rng)
    assert grammar.read_operation(grammar.say_operation(operation, rng)) == operation
    assert operation.apply(scene) != scene


@given(seeds)
def test_true_refinements_carried_into_a_caption_describe_the_picture(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene, imagined = sample_scene(rng), sample_scene(rng)
    said = grammar.say_caption(imagined, rng)
    refinements, caption = true_refinements(render(scene, rng), said, rng)
    assert grammar.read_caption(caption) == list(scene.things)
    assert grammar.read_caption(grammar.rewrite(said, refinements)) == list(scene.things)


@given(seeds)
def test_corrections_read_back_and_are_none_for_a_true_caption(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene, other = sample_scene(rng), sample_scene(rng)
    for correction in grammar.corrections(scene, other.things):
        assert grammar.read_correction(grammar.say_correction(correction, rng)) == correction
    assert grammar.corrections(scene, scene.things) == []


@given(seeds)
def test_a_caption_with_its_corrections_carried_in_is_true(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene, other = sample_scene(rng), sample_scene(rng)
    caption = grammar.say_caption(other, rng)
    said = " ".join(grammar.say_correction(one, rng) for one in grammar.corrections(scene, other.things))
    assert grammar.read_caption(grammar.rewrite(caption, said)) == list(scene.things)
    assert grammar.rewrite(caption, grammar.NOTHING_TO_CORRECT[0]) == caption


def test_coarse_words_replace_fine_ones_at_the_given_share() -> None:
    rng = np.random.default_rng(0)
    said = [grammar.coarsen("a small teal ring is at the top left.", rng, 0.75) for _ in range(400)]
    assert 0.68 < np.mean(["green" in text for text in said]) < 0.82
    assert grammar.coarsen("teal ring", rng, 0.0) == "teal ring"
    assert all(word in " ".join(said) for word in ("teal", "ring", "circle"))


@given(seeds)
def test_edited_pairs_differ_in_the_operations_cells_only(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = sample_scene(rng)
    operation = grammar.sample_operation(scene, rng)
    before, after = render_pair(scene, [operation], rng)
    for cell in range(len(POSITIONS)):
        row, column = divmod(cell, 3)
        window = np.s_[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16]
        assert (before[window] != after[window]).any() == (cell in operation.cells)


def test_tokenizer_knows_every_word_and_restores_the_text() -> None:
    tokenizer, rng = make_tokenizer(), np.random.default_rng(0)
    for _ in range(100):
        scene = sample_scene(rng)
        texts = [grammar.say_caption(scene, rng), grammar.say_operation(grammar.sample_operation(scene, rng), rng)]
        for ask in SUITE_QUESTIONS.values():
            question = ask(rng)
            texts.append(PROMPTS.wording.ask(question.text, question.options))
        for text in texts:
            ids = tokenizer(text)["input_ids"]
            assert tokenizer.unk_token_id not in ids, text
        assert tokenizer.decode(tokenizer(texts[0])["input_ids"]) == texts[0]


def _questions(suite: str, count: int) -> list[Question]:
    known = find_suite(suite)
    return [
        known.question(row) for row in read_tsv(io.StringIO(write_suite(suite, count).decode()), suite, known.columns)
    ]


@pytest.mark.parametrize("suite", SUITES)
def test_suites_are_read_by_the_benchmark_reader_and_true_answers_score(suite: str) -> None:
    known = find_suite(suite)
    questions = _questions(suite, 30)
    assert len(questions) == 30
    for question in questions:
        reply = question.options["ABCD".index(question.answer)] + "." if question.options else question.answer
        assert known.score(question, reply) == 1.0


def test_suites_do_not_change_between_runs_and_answers_are_balanced() -> None:
    assert write_suite("counting", 20) == write_suite("counting", 20)
    questions = _questions("hallucination", 400)
    assert 0.4 < np.mean([question.answer == "yes" for question in questions]) < 0.6


def test_every_coarse_word_is_a_word_of_its_own_kind() -> None:
    for fine, coarse in COARSE.items():
        assert fine != coarse
        assert coarse not in COARSE, "a coarse word must not itself be refined further"


def test_a_scene_holds_one_object_a_cell() -> None:
    scene = Scene((Thing(0, "small", "red", "ring"),))
    swapped = scene.replaced(0, Thing(0, "large", "blue", "cross"))
    assert swapped.at(0) == Thing(0, "large", "blue", "cross")
    assert len(swapped.things) == 1


@pytest.mark.parametrize("suite", SUITES)
def test_the_held_out_questions_are_others(suite: str) -> None:
    tuned, held_out = (
        {row["image"] for row in read_tsv(io.StringIO(write_suite(suite, 40, address).decode()), suite, ())}
        for address in SETS
    )
    assert len(tuned) == len(held_out) == 40
    assert not tuned & held_out
