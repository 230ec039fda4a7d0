"""What replies say: a table with verdicts by hand, beside VLMEvalKit's rule; and what holds for every reply."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.suites.extraction import LETTERS, extract_letter, extract_yes_no, says, says_exactly, strip_tags

GROUPS = tomllib.loads(Path(__file__).with_name("replies.toml").read_text(encoding="utf-8"))["group"]
CASES = [
    pytest.param(group, *case[:2], case[2] if len(case) > 2 else case[0], id=f"{group['name']}: {case[1][:40]!r}")
    for group in GROUPS
    for case in group["cases"]
]
LETTER_CASES = [case for case in CASES if case.values[0]["rule"] == "letter"]  # type: ignore[index,call-overload]

options_lists = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12), min_size=2, max_size=8)
plain_text = st.text(st.characters(codec="utf-8", exclude_characters="<>\\"))


def verdict(group: dict[str, object], reply: str) -> str:
    if group["rule"] == "letter":
        return extract_letter(reply, tuple(group["options"])) or "-"  # type: ignore[arg-type]
    if group["rule"] == "yes_no":
        return extract_yes_no(reply) or "-"
    rule = says if group["rule"] == "says" else says_exactly
    return "right" if rule(reply, str(group["answer"])) else "-"


def vlmevalkit(reply: str, options: list[str]) -> str:
    """VLMEvalKit's exact matching, told again: one letter in the last four words, else one that is announced."""
    announced = re.search(r"(?i)answer\s+is\s+\**([ABCD])\**", reply)
    for mark in ".()[],:;!*#{}":
        reply = reply.replace(mark, " ")
    words, letters = reply.split(), LETTERS[: len(options)]
    named = [letter for letter in letters if letter in words]
    if len(named) == 1 and words.index(named[0]) > len(words) - 5:
        return named[0]
    return announced[1].upper() if announced and announced[1].upper() in letters else "-"


def vlmevalkit_text(reply: str, options: list[str]) -> str:
    if len(reply) > 2 * sum(map(len, options)):
        return "-"
    found = [letter for letter, option in zip(LETTERS, options, strict=False) if option.lower() in reply.lower()]
    return found[0] if len(found) == 1 else "-"


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(CASES) >= 200
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize(("group", "expected", "reply", "kit"), CASES)
def test_a_reply_says_what_its_verdict_by_hand_says(
    group: dict[str, object], expected: str, reply: str, kit: str
) -> None:
    assert verdict(group, reply) == expected


@pytest.mark.parametrize(("group", "expected", "reply", "kit"), LETTER_CASES)
def test_the_table_names_every_departure_from_vlmevalkit(
    group: dict[str, object], expected: str, reply: str, kit: str
) -> None:
    options: list[str] = group["options"]  # type: ignore[assignment]
    text = strip_tags(reply)
    found = vlmevalkit(text, options)
    assert (found if found != "-" else vlmevalkit_text(text, options)) == kit


@given(st.text(), options_lists)
def test_every_reply_has_a_verdict_that_is_an_option_or_none(reply: str, options: list[str]) -> None:
    found = extract_letter(reply, tuple(options))
    assert found is None or found in LETTERS[: len(options)]
    assert extract_letter(reply, tuple(options)) == found
    assert extract_yes_no(reply) in ("yes", "no", None)


@given(st.sampled_from("ABCDEFGH"), st.sampled_from(["{}", "{}.", "({})", "Answer: {}", "**{}**", "\\boxed{{{}}}"]))
def test_a_letter_alone_is_always_found_and_never_one_beyond_the_options(letter: str, form: str) -> None:
    options = ("teal", "green", "red", "blue")
    assert extract_letter(form.format(letter), options) == (letter if letter in "ABCD" else None)


@given(plain_text, plain_text)
def test_what_is_thought_changes_nothing(thought: str, reply: str) -> None:
    options = ("teal", "green", "red", "blue")
    for wrapped in (f"<think>{thought}</think>{reply}", f"{thought}</think>{reply}"):
        assert extract_letter(wrapped, options) == extract_letter(reply, options)
        assert extract_yes_no(wrapped) == extract_yes_no(reply)


@given(plain_text)
def test_an_answer_tag_says_what_its_inside_says(reply: str) -> None:
    assert strip_tags(f"A or B? <answer>{reply}</answer> or C") == reply.strip()
    assert strip_tags(f"A or B? <answer>{reply}") == reply.strip()
    assert strip_tags(f"<think>{reply}") == ""


@given(st.permutations(["teal", "green", "red", "blue"]), st.sampled_from(["teal", "green", "red", "blue"]))
def test_the_text_of_an_option_gives_its_letter_wherever_it_stands(options: list[str], said: str) -> None:
    assert extract_letter(f"It is {said}.", tuple(options)) == LETTERS[options.index(said)]
