"""Suites: their files in the exact published layouts, what is asked, and the aggregates."""

import io
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.suites.reading import read_parquet, split_options
from models.suites.suite import Suite
from models.suites.tsv import read_tsv
from models.worlds import WORLDS, find_suite
from models.worlds.shapes.scoring import caption_fidelity
from tests.unit.models.suite_rows import ASKED, CHOICE, encoded, from_hub, from_tsv, parquet, png, struct, tsv
from viper.errors import SuiteError

WORDING = WORLDS["photographs"].prompts.wording


@pytest.mark.parametrize("name", ["MMStar", "RealWorldQA", "BLINK", "Mantis-Eval"])
def test_vlmevalkit_rows_are_asked_in_its_words_and_scored_by_letter(name: str) -> None:
    suite = find_suite(name)
    (question,) = from_tsv(suite, [CHOICE])
    assert (question.index, question.options, question.answer) == ("7", ("teal", "green", "red", "blue"), "C")
    assert suite.prompt(question, WORDING) == ASKED
    assert [suite.score(question, reply) for reply in ("C", "(C) red", "red", "B", "C or D", "")] == [1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("name", ["MMStar", "MME-RealWorld"])
def test_a_letter_without_an_option_is_left_out_and_the_others_keep_theirs(name: str) -> None:
    suite = find_suite(name)
    (question,) = from_tsv(suite, [{**CHOICE, "C": "", "answer": "D"}])
    listed = {
        "MMStar": "Options:\nA. teal\nB. green\nD. blue\nPlease",
        "MME-RealWorld": "below:\n(A) teal\n(B) green\n(D) blue\nSelect",
    }
    assert listed[name] in suite.prompt(question, WORDING)
    assert [suite.score(question, reply) for reply in ("D", "blue", "C", "A")] == [1, 1, 0, 0]


def test_a_labelled_option_that_is_left_out_leaves_the_others_their_labels() -> None:
    suite = find_suite("MME-RealWorld")
    labelled = {"A": "(A) teal", "B": "(B) green", "C": "", "D": "(D) blue", "answer": "D"}
    (question,) = from_tsv(suite, [{**CHOICE, **labelled}])
    assert question.options == ("teal", "green", "", "blue")
    assert "below:\n(A) teal\n(B) green\n(D) blue\nSelect" in suite.prompt(question, WORDING)


def test_a_hint_is_asked_before_the_question() -> None:
    suite = find_suite("MMStar")
    (question,) = from_tsv(suite, [{**CHOICE, "hint": "Look at the ring."}])
    assert suite.prompt(question, WORDING) == f"Hint: Look at the ring.\n{ASKED}"


def test_mmstar_from_the_hub_is_asked_as_from_vlmevalkit() -> None:
    suite = find_suite("MMStar")
    row = {
        "index": 0,
        "question": "Which color?\nOptions: A: teal, B: green, C: red, D: blue",
        "image": png(),
        "answer": "C",
        "category": "fine-grained perception",
        "l2_category": "attribute",
        "meta_info": {"source": "MMBench", "split": "val", "image_path": "images/0.jpg"},
    }
    ((question, images),) = from_hub(suite, [row])
    assert suite.prompt(question, WORDING) == ASKED
    assert (question.answer, question.category, images) == ("C", "fine-grained perception", [png()])


def test_options_with_commas_are_told_apart() -> None:
    stem, options = split_options("What?\nOptions: A: a red, round ring, B: a cross, C: none, nothing")
    assert (stem, options) == ("What?", ("a red, round ring", "a cross", "none, nothing"))


def test_realworldqa_from_the_hub_is_asked_as_it_stands_and_open_answers_are_exact() -> None:
    suite = find_suite("RealWorldQA")
    ending = "Please answer directly with only the letter of the correct option and nothing else."
    text = f"How many lanes are there?\n\nA. Two\nB. Three\nC. Four\n{ending}"
    open_text = "How many lanes are there? Please answer directly with a single word or number."
    rows = [
        {"image": struct(), "image_path": "0.webp", "question": text, "answer": "B"},
        {"image": struct(), "image_path": "1.webp", "question": open_text, "answer": "3"},
    ]
    (choice, _), (number, _) = from_hub(suite, rows)
    assert suite.prompt(choice, WORDING) == text
    assert (choice.options, choice.answer) == (("Two", "Three", "Four"), "B")
    assert [suite.score(choice, reply) for reply in ("B", "Three", "A")] == [1, 1, 0]
    assert suite.prompt(number, WORDING) == open_text
    assert [suite.score(number, reply) for reply in ("3", "3.", "13", "There are 3")] == [1, 1, 0, 0]


MME_REALWORLD = """How many ships? The choices are listed below:
(A) 1
(B) 2
(C) 3
(D) 4
(E) The image does not feature the content.
Select the best answer to the above multiple-choice question based on the image. \
Respond with only the letter (A, B, C, D, or E) of the correct option. \

The best answer is:"""
"""As ``MMERealWorld.build_prompt`` of VLMEvalKit puts it together (commit e8e78f05)."""


def test_mme_realworld_from_the_hub_has_five_options_tasks_and_domains() -> None:
    suite = find_suite("mme_realworld")
    options = ["(A) 1", "(B) 2", "(C) 3", "(D) 4", "(E) The image does not feature the content."]
    row = {
        "index": 3,
        "bytes": encoded(),
        "question": "How many ships?",
        "multi-choice options": options,
        "answer": "E",
        "category": "Perception/Remote Sensing",
        "l2-category": "count",
    }
    ((question, images),) = from_hub(suite, [row])
    assert question.options == ("1", "2", "3", "4", "The image does not feature the content.")
    assert images == [png()]
    assert suite.prompt(question, WORDING) == MME_REALWORLD
    wide = [option.replace("(", "\uff08").replace(")", "\uff09") for option in options]
    for labels in (wide, [option.replace(") ", ")") for option in options], options[::-1]):
        ((again, _),) = from_hub(suite, [{**row, "multi-choice options": labels}])
        assert (suite.prompt(again, WORDING), again.answer) == (MME_REALWORLD, "E")
    # VLMEvalKit's file has the options in columns.
    letters = dict(zip("ABCDE", question.options, strict=True))
    (from_file,) = from_tsv(suite, [{**CHOICE, **letters, "question": "How many ships?", "answer": "E"}])
    assert suite.prompt(from_file, WORDING) == MME_REALWORLD
    assert suite.score(question, "(E)") == 1
    scored = [{"category": name, "score": right, "unit": ""} for name, right in (
        ("Perception/Remote Sensing", 1.0), ("Perception/Monitoring", 0.0), ("Reasoning/Monitoring", 1.0),
    )]  # fmt: skip
    assert suite.aggregate(scored) == {
        "score": pytest.approx(2 / 3),
        "Perception": 0.5,
        "Reasoning": 1.0,
        "Perception/Monitoring": 0.0,
        "Perception/Remote Sensing": 1.0,
        "Reasoning/Monitoring": 1.0,
    }


@pytest.mark.parametrize("suite", WORLDS["photographs"].suites.values(), ids=lambda suite: suite.name)
def test_perfect_replies_score_one_and_empty_ones_nothing(suite: Suite) -> None:
    index = {"index": "VD_chart_x_0_1_0", "l2-category": "chart"} if suite.name == "HallusionBench" else {}
    answer = {"answer": "Yes", **dict.fromkeys("ABCD", "")} if index else {}
    (question,) = from_tsv(suite, [{**CHOICE, **index, **answer}])
    for reply, score in ((question.answer, 1.0), ("", 0.0), ("I cannot tell.", 0.0)):
        scored = [{**vars(question), "unit": "0", "score": suite.score(question, reply)}]
        assert suite.aggregate(scored)["score"] == score


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.booleans()), min_size=1, max_size=30), st.randoms())
def test_an_aggregate_is_the_mean_of_its_units_in_any_order(rows: list[tuple[str, bool]], random: Any) -> None:
    suite = find_suite("MMStar")
    replies = [
        {"category": category, "score": float(right), "unit": str(i)} for i, (category, right) in enumerate(rows)
    ]
    found = suite.aggregate(replies)
    assert found["score"] == pytest.approx(sum(suite.units(replies)) / len(rows))
    random.shuffle(replies)
    assert suite.aggregate(replies) == found


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"answer": ""}, "answer is empty"),
        ({"answer": "F"}, "'F' is none of the options A, B, C, D"),
        ({"C": ""}, "'C' is none of the options A, B, D"),
        ({"question": ""}, "question is empty"),
    ],
)
def test_a_broken_row_says_what_is_wrong(changed: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_tsv(find_suite("MMStar"), [{**CHOICE, **changed}])


def test_an_answer_may_be_an_options_text_or_have_marks() -> None:
    questions = from_tsv(
        find_suite("MMStar"), [{**CHOICE, "answer": answer} for answer in ("red", "(C)", "C. red", "c")]
    )
    assert [question.answer for question in questions] == ["C"] * 4


@pytest.mark.parametrize(("write", "read"), [(tsv, read_tsv), (parquet, read_parquet)], ids=["tsv", "parquet"])
def test_a_missing_column_is_named_with_those_that_were_found(write: Any, read: Any) -> None:
    rows = read(write([{"index": 1, "question": "q"}]), "my file", ("image", "answer"))
    with pytest.raises(SuiteError, match=r"my file lacks the columns image, answer. Found: index, question"):
        list(rows)


def test_what_is_no_parquet_is_named() -> None:
    with pytest.raises(SuiteError, match="my file cannot be read as parquet"):
        list(read_parquet(io.BytesIO(b"index\timage\n"), "my file", ()))


@pytest.mark.parametrize(
    ("name", "message"),
    [("mmstr", "Did you mean 'MMStar'"), ("real-world-qa", "Did you mean 'RealWorldQA'"), ("?", "Known here: MMStar")],
)
def test_an_unknown_suite_is_answered_with_the_nearest_name(name: str, message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        find_suite(name)


def test_suites_are_found_in_any_case_and_no_two_have_one_name() -> None:
    assert find_suite("mmstar") is find_suite("MMStar")
    assert find_suite("mme_realworld") is find_suite("MME-RealWorld")
    names = [suite.name.lower() for suite in (suite for world in WORLDS.values() for suite in world.suites.values())]
    assert len(names) == len(set(names)) == 15


def test_captions_are_scored_by_facts() -> None:
    truth = "a small teal ring is at the top left."
    assert caption_fidelity("the top left holds a small teal ring.", truth) == 1.0
    assert caption_fidelity("the top left holds a small green ring.", truth) == pytest.approx(2 / 3)
    assert caption_fidelity("", truth) == 0.0


@pytest.mark.parametrize(("reply", "answer"), list(product(["it is green and nothing else in this world"], ["B"])))
def test_an_options_text_is_taken_from_a_reply_of_any_length(reply: str, answer: str) -> None:
    suite = find_suite("fine_perception")
    (question,) = from_tsv(suite, [{**CHOICE, "answer": answer}])
    assert suite.score(question, reply) == 1.0
    assert find_suite("MMStar").score(question, reply) == 1.0


def test_a_category_of_any_name_does_not_hide_the_score() -> None:
    replies = [{"score": score, "category": category} for score, category in ((1.0, "all"), (0.0, "color"))]
    found = find_suite("counting").aggregate(replies)
    assert (found["score"], found["all"], found["color"]) == (0.5, 1.0, 0.0)
