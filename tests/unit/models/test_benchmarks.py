"""Reading benchmark files, and scoring replies without a judge."""

import base64
import io

import pytest

from models.benchmarks import (
    Question,
    caption_fidelity,
    extract_letter,
    extract_yes_no,
    read_questions,
    score_reply,
)
from viper.errors import SuiteError

PICTURE = base64.b64encode(b"x" * 60).decode()
OPTIONS = ("teal", "green", "red", "blue")


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"),
        ("B.", "B"),
        ("(C)", "C"),
        ("The answer is D.", "D"),
        ("A", "A"),
        ("A. teal", "A"),
        ("<think>B or C?</think><answer>C</answer>", "C"),
        ("green", "B"),
        ("green.", "B"),
        ("It is a green thing.", "B"),
        ("A green thing", "B"),
        ("B or C", None),
        ("green or red", None),
        ("greenish", None),
        ("", None),
        ("I cannot tell.", None),
    ],
)
def test_option_letters_and_texts_are_found_and_never_guessed(reply: str, letter: str | None) -> None:
    assert extract_letter(reply, OPTIONS) == letter


def test_the_longest_option_text_wins_over_one_inside_it() -> None:
    assert extract_letter("the top left corner", ("left", "top left", "right")) == "B"


@pytest.mark.parametrize(
    ("reply", "said"), [("Yes.", "yes"), ("no", "no"), ("Yes and no", None), ("maybe", None), ("Not known", None)]
)
def test_yes_and_no_must_be_unambiguous(reply: str, said: str | None) -> None:
    assert extract_yes_no(reply) == said


def test_captions_are_scored_by_facts() -> None:
    truth = "a small teal ring is at the top left."
    assert caption_fidelity("the top left holds a small teal ring.", truth) == 1.0
    assert caption_fidelity("the top left holds a small green ring.", truth) == pytest.approx(2 / 3)
    assert caption_fidelity("", truth) == 0.0


def _read(text: str) -> list[Question]:
    return list(read_questions(io.StringIO(text), "mini"))


def test_a_row_may_refer_to_the_image_of_an_earlier_row() -> None:
    rows = _read(f"index\timage\tquestion\tA\tB\tanswer\n1\t{PICTURE}\tq\tx\ty\tA\n2\t1\tq\tx\ty\tB\n")
    assert rows[1].images == rows[0].images
    assert score_reply(rows[1], "y", "mini") == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("index\tquestion\tanswer\n", "lacks the columns image"),
        (f"index\timage\tquestion\tanswer\n1\t{PICTURE}\tq\t\n", "line 2, index '1': the answer is empty"),
        ("index\timage\tquestion\tanswer\n1\t7\tq\tyes\n", "no base64 picture"),
    ],
)
def test_broken_files_are_named(text: str, message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        _read(text)
