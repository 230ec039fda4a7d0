"""Suites whose rows belong together: HallusionBench's figures and CRPE's circular questions."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.worlds import WORLDS, find_suite
from tests.unit.models.suite_rows import COLORS, encoded, from_hub, from_tsv, struct

WORDING = WORLDS["photographs"].prompts.wording


HALLUSION = [
    # set, figure, question, answer
    ("0", "1", "0", "yes"),
    ("0", "1", "1", "no"),
    ("0", "2", "0", "no"),
    ("0", "2", "1", "no"),
    ("1", "1", "0", "yes"),
]


def hallusion_replies(said: Sequence[str]) -> list[dict[str, Any]]:
    suite = find_suite("HallusionBench")
    rows = [
        {
            "index": f"VD_chart_x_{place[0]}_{place[1]}_{place[2]}",
            "image": encoded(),
            "question": "Is it?",
            "answer": place[3].capitalize(),
            "category": "VD",
            "l2-category": "chart",
        }
        for place in HALLUSION
    ]
    return [
        {**vars(question), "unit": suite.unit(question, ()), "score": suite.score(question, reply)}
        for question, reply in zip(from_tsv(suite, rows), said, strict=True)
    ]


def test_hallusionbench_counts_rows_figures_and_questions() -> None:
    suite = find_suite("HallusionBench")
    # Wrong: set 0, figure 2, question 1. Figures: 2 of 3 right. Questions: 0/0 and 1/0 right, 0/1 wrong.
    found = suite.aggregate(hallusion_replies(["Yes.", "No.", "no", "yes and no", "yes"]))
    assert found == {
        "score": pytest.approx((4 / 5 + 2 / 3 + 2 / 3) / 3),
        "aAcc": pytest.approx(4 / 5),
        "fAcc": pytest.approx(2 / 3),
        "qAcc": pytest.approx(2 / 3),
    }


@given(st.lists(st.sampled_from(["yes", "no", "perhaps"]), min_size=5, max_size=5))
def test_the_mean_over_sets_is_exactly_the_mean_of_the_three_shares(said: list[str]) -> None:
    suite, replies = find_suite("HallusionBench"), hallusion_replies(said)
    figures, questions = defaultdict(list), defaultdict(list)
    for (set_, figure, question, _), reply in zip(HALLUSION, replies, strict=True):
        figures[set_, figure].append(reply["score"])
        questions[set_, question].append(reply["score"])
    shares = [
        sum(reply["score"] for reply in replies) / 5,
        *(sum(min(scores) for scores in groups.values()) / len(groups) for groups in (figures, questions)),
    ]
    units = suite.units(replies)
    assert len(units) == 2
    assert sum(units) / len(units) == pytest.approx(sum(shares) / 3)


def test_hallusionbench_from_the_hub_has_the_rows_of_vlmevalkit() -> None:
    suite = find_suite("hallusionbench")
    row = {
        "category": "VS",
        "subcategory": "chart",
        "visual_input": "1",
        "set_id": "4",
        "figure_id": "1",
        "sample_note": "",
        "question_id": "2",
        "question": "Is it?",
        "gt_answer_details": "It is.",
        "gt_answer": "1",
        "filename": "./VS/chart/4_1.png",
        "image": struct(),
    }
    ((question, _),) = from_hub(suite, [row])
    assert (question.answer, question.category, suite.unit(question, ())) == ("yes", "VS_chart", "VS_chart_4")
    assert suite.prompt(question, WORDING) == "Is it?"


def circular(text: str, answer: str) -> list[dict[str, object]]:
    """The four rows of a CRPE question: options rotated, listed in the question."""
    colors = list(COLORS.values())
    rows: list[dict[str, object]] = []
    for shift in range(4):
        turned = colors[shift:] + colors[:shift]
        listed = "\n".join(f"{letter}. {color}" for letter, color in zip("ABCD", turned, strict=True))
        question = f"{text}\n{listed}\nAnswer with the option's letter from the given choices directly."
        right = "ABCD"[turned.index(answer)]
        rows.append(
            {"index": len(rows), "image": encoded(), "question": question, "answer": right, "category": "exist"}
        )
    return rows


@pytest.mark.parametrize("name", ["CRPE_EXIST", "CRPE_RELATION"])
def test_a_crpe_question_is_right_where_all_its_four_rows_are(name: str) -> None:
    suite = find_suite(name)
    first, second = circular("Which color has the ring?", "red"), circular("Which color has the cross?", "blue")
    rows = [row for pair in zip(first, second, strict=True) for row in pair]
    questions = from_tsv(suite, rows)
    assert suite.prompt(questions[0], WORDING) == rows[0]["question"]
    units = [suite.unit(question, ("picture",)) for question in questions]
    assert len(set(units)) == 2
    assert suite.unit(questions[0], ("another picture",)) not in units
    said = [question.answer for question in questions]
    said[-1] = "none of them"
    replies = [
        {**vars(question), "unit": unit, "score": suite.score(question, reply)}
        for question, unit, reply in zip(questions, units, said, strict=True)
    ]
    assert suite.units(replies) == [1.0, 0.0]
    assert suite.aggregate(replies) == {"score": 0.5, "rows": 7 / 8}


def test_crpe_from_the_hub_has_the_rows_of_vlmevalkit() -> None:
    suite, rows = find_suite("CRPE_EXIST"), circular("Which color?", "red")
    hub = [
        {"question_id": row["index"], "image": struct(), "text": row["question"], "category": "exist",
         "correct_option": row["answer"]}
        for row in rows
    ]  # fmt: skip
    assert [question for question, _ in from_hub(suite, hub)] == from_tsv(suite, rows)
