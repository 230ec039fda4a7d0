"""What replies say: a table with verdicts by hand, beside VLMEvalKit's rule; and what holds for every reply."""

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.reasoning import final_part, strip_reasoning
from models.suites.extraction import extract_letter, extract_yes_no, says, says_exactly
from models.suites.tokens import LETTERS

Case = dict[str, Any]

CASES: list[Case] = [
    json.loads(line) for line in Path(__file__).with_name("replies.jsonl").read_text(encoding="utf-8").splitlines()
]
"""``expected``: a letter, ``yes``, ``no``, ``right``, or empty for no answer; ``kit``: what VLMEvalKit says instead."""
CHOICES = [case for case in CASES if case["kind"] == "choice"]
TAGS = ("think", "thinking", "thought", "reasoning", "analysis", "seed:think")
ANIMALS = ("cat", "dog", "horse", "cow")

options_lists = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12), min_size=2, max_size=8)
plain_text = st.text(st.characters(codec="utf-8", exclude_characters="<>\\[]◁▷"))


def verdict(case: Case, reply: str | None = None) -> str:
    said = case["reply"] if reply is None else reply
    if case["kind"] == "choice":
        return extract_letter(said, tuple(case["options"])) or ""
    if case["kind"] == "yes/no":
        return extract_yes_no(said) or ""
    rule = says if case["kind"] == "says" else says_exactly
    return "right" if rule(said, case["answer"]) else ""


def vlmevalkit(reply: str, options: list[str]) -> str:
    """VLMEvalKit's exact matching, told again: one letter in the last four words, else one that is announced."""
    announced = re.search(r"(?i)answer\s+is\s+\**([ABCD])\**", reply)
    for mark in ".()[],:;!*#{}":
        reply = reply.replace(mark, " ")
    words, letters = reply.split(), LETTERS[: len(options)]
    named = [letter for letter in letters if letter in words]
    if len(named) == 1 and words.index(named[0]) > len(words) - 5:
        return named[0]
    return announced[1].upper() if announced and announced[1].upper() in letters else ""


def vlmevalkit_text(reply: str, options: list[str]) -> str:
    if len(reply) > 2 * sum(map(len, options)):
        return ""
    found = [letter for letter, option in zip(LETTERS, options, strict=False) if option.lower() in reply.lower()]
    return found[0] if len(found) == 1 else ""


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(CASES) >= 1500
    assert len({json.dumps(case, sort_keys=True) for case in CASES}) == len(CASES)
    assert len({case["style"] for case in CASES}) >= 60


@pytest.mark.parametrize("style", dict.fromkeys(case["style"] for case in CASES))
def test_replies_say_what_their_verdicts_by_hand_say(style: str) -> None:
    wrong = [
        (case["expected"], verdict(case), case["reply"])
        for case in CASES
        if case["style"] == style and verdict(case) != case["expected"]
    ]
    assert wrong == []


def test_the_table_names_every_departure_from_vlmevalkit() -> None:
    for case in CHOICES:
        text = final_part(strip_reasoning(case["reply"]))
        found = vlmevalkit(text, case["options"]) or vlmevalkit_text(text, case["options"])
        assert found == case.get("kit", case["expected"]), case


@given(st.text(), options_lists)
def test_every_reply_has_a_verdict_that_is_an_option_or_none(reply: str, options: list[str]) -> None:
    found = extract_letter(reply, tuple(options))
    assert found is None or found in LETTERS[: len(options)]
    assert extract_yes_no(reply) in ("yes", "no", None)
    says(reply, options[0])  # raises nothing


@given(
    st.lists(
        st.sampled_from(
            [
                "A",
                "B",
                "C",
                "a",
                "not",
                "is",
                "the",
                "answer",
                "or",
                ",",
                ".",
                ":",
                "**",
                "\\boxed{",
                "}",
                "<answer>",
                "答案",
                "是",
                "不",
                "dog\n",
            ]
        )
    )
)
def test_every_row_of_words_of_the_rules_has_a_verdict(words: list[str]) -> None:
    assert extract_letter(" ".join(words), ANIMALS) in ("A", "B", "C", None)
    assert extract_yes_no(" ".join(words)) in ("yes", "no", None)


FORMS = [
    "{}",
    "{}.",
    "({})",
    "[{}]",
    "**{}**",
    "`{}`",
    "${}$",
    "\\boxed{{{}}}",
    "$\\boxed{{\\text{{{}}}}}$",
    "<answer>{}</answer>",
    "Answer: {}",
    "The answer is {}.",
    "**Final answer:** ({})",
    "the correct option is {}",
    "I choose {}.",
    "答案是{}",
    "正确答案\uff1a{}。",
    "选{}",
    "{} is correct.",
    "Antwort: {}",
    "La réponse est {}.",
    "Ответ: {}",
    "정답은 {}입니다",
    "答えは{}です。",
    "Answer:\n\n**{}**",
]


@given(st.sampled_from("ABCDEFGH"), st.sampled_from(FORMS), st.booleans())
def test_a_letter_that_is_declared_is_found_in_any_wrapper_and_case_and_never_one_beyond_the_options(
    letter: str, form: str, small: bool
) -> None:
    said = letter.lower() if small else letter
    assert extract_letter(form.format(said), ANIMALS) == (letter if letter in "ABCD" else None)


TWO = [
    "The answer is {x}, not {y}.",
    "{y} is wrong. The answer is {x}.",
    "Answer: {y}\nWait, that is wrong.\nAnswer: {x}",
    "It is not {y}; it is {x}.",
    "{x} is correct, {y} is not.",
    "The answer is {y}. Actually, it's {x}.",
    "答案不是{y}\uff0c而是{x}",
    "\\boxed{{{y}}} was my first guess, but \\boxed{{{x}}}.",
    "({x}) rather than ({y})",
    "Instead of {y}, I choose {x}.",
]


@given(st.permutations("ABCD"), st.sampled_from(TWO))
def test_which_letters_they_are_changes_nothing(letters: list[str], form: str) -> None:
    x, y, *_ = letters
    assert extract_letter(form.format(x=x, y=y), ANIMALS) == x


@pytest.mark.parametrize(
    "case", [case for case in CHOICES if case["style"].startswith(("text", "option text"))], ids=str
)
def test_the_order_of_the_options_changes_nothing_where_a_text_is_said(case: Case) -> None:
    right = case["options"][LETTERS.index(case["expected"])] if case["expected"] else None
    for options in itertools.permutations(case["options"]):
        expected = LETTERS[options.index(right)] if right else None
        assert extract_letter(case["reply"], options) == expected


@given(st.sampled_from(CASES), plain_text, st.sampled_from(TAGS))
def test_what_is_thought_changes_nothing(case: Case, thought: str, tag: str) -> None:
    if any(sign in case["reply"] for sign in ("</", "<answer>", "/think", "THINK", "thought", "assistantfinal", "<|")):
        return
    for wrapped in (
        f"<{tag}>{thought}</{tag}>{case['reply']}",
        f"<{tag.upper()}>{thought}</{tag.upper()}>\n\n{case['reply']}",
        f"{thought}</{tag}>{case['reply']}",
        f"[THINK]{thought}[/THINK]{case['reply']}",
        f"◁think▷{thought}◁/think▷{case['reply']}",
        f"<|channel|>analysis<|message|>{thought}<|end|><|start|>assistant<|channel|>final<|message|>{case['reply']}",
    ):
        if not thought.lower().rstrip().endswith("assistant"):
            assert verdict(case, wrapped) == case["expected"]


@given(st.sampled_from(CASES), st.sampled_from(TAGS))
def test_a_thought_that_never_ends_says_nothing(case: Case, tag: str) -> None:
    if not re.search(r"<|\[|◁|assistantfinal|my response|box", case["reply"]):
        assert verdict(case, f"<{tag}>{case['reply']}") == (
            "right" if case.get("answer") == "" == case["expected"] else ""
        )


@given(plain_text)
def test_the_final_part_is_the_inside_of_the_last_tag_or_box(reply: str) -> None:
    assert final_part(f"A or B? <answer>{reply}</answer> or C") == reply.strip()
    assert final_part(f"A or B? <answer>{reply}") == reply.strip()
    assert strip_reasoning(f"<think>{reply}") == ""


def test_an_answer_in_a_thought_that_never_ends_is_one() -> None:
    assert strip_reasoning("<think>hm <answer>B</answer>") == "<answer>B</answer>"
    assert strip_reasoning("<think>hm <answer>A</answer></think>") == ""


@pytest.mark.parametrize(
    "rule", [lambda reply: extract_letter(reply, ANIMALS), extract_yes_no], ids=["letter", "yes/no"]
)
def test_a_model_in_a_loop_has_said_what_it_says(rule: Callable[[str], str | None]) -> None:
    answer = "B" if rule("B") else "yes"
    assert rule(f"The answer is {answer}. " * 5000) == answer


@settings(max_examples=50)
@given(st.permutations(["teal", "green", "red", "blue"]), st.sampled_from(["teal", "green", "red", "blue"]))
def test_the_text_of_an_option_gives_its_letter_wherever_it_stands(options: list[str], said: str) -> None:
    assert extract_letter(f"It is {said}.", tuple(options)) == LETTERS[options.index(said)]
