"""Where sentences end, in any script and form, and that finding them takes linear time."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.corrections import without_empty_corrections
from models.nothing import says_nothing
from models.operations import read_written
from models.rewards import format_reward
from models.selfcritique import read_critique
from models.sentences import is_closed, join_sentences, split_sentences
from models.written import read_statements

PARTED = [
    line
    for line in Path(__file__).with_name("sentences.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize("line", PARTED)
def test_a_text_falls_into_the_sentences_that_a_reader_finds(line: str) -> None:
    assert split_sentences(line.replace("‖", "")) == [part.strip() for part in line.split("‖") if part.strip()]


LISTS = [
    ("The sign says 'No Parking. Fire Lane.' in red.", ["The sign says 'No Parking. Fire Lane.' in red."]),
    ("It says ‘Stop. Go.’ in red. It is old.", ["It says ‘Stop. Go.’ in red.", "It is old."]),
    ("The dogs' tails are up. It's the cat's.", ["The dogs' tails are up.", "It's the cat's."]),
    ("The license plate is from CA. The car is red.", ["The license plate is from CA.", "The car is red."]),
    ("The logo reads FX. The car is blue.", ["The logo reads FX.", "The car is blue."]),
    ("It was built ca. 1900. It is old.", ["It was built ca. 1900.", "It is old."]),
    ("The wall shows street art. 3 people walk by.", ["The wall shows street art.", "3 people walk by."]),
    ("The man is ill. 2 nurses help.", ["The man is ill.", "2 nurses help."]),
    ("The pole is 6 ft. tall and blue.", ["The pole is 6 ft. tall and blue."]),
    ("It is 5 in. wide. He walked in. Then it fell.", ["It is 5 in. wide.", "He walked in.", "Then it fell."]),
    ("The pole is 6 ft. The car is red.", ["The pole is 6 ft.", "The car is red."]),
    ("1. Remove the cup.\n2) Paint it red.\n- Done", ["Remove the cup.", "Paint it red.", "Done"]),
    ("1) Remove the cup.\n2) Add it.", ["Remove the cup.", "Add it."]),
    ("(1) Remove the cup.\n(2) Add it.", ["Remove the cup.", "Add it."]),
    ("(a) Remove the cup.\nb) Add it.", ["Remove the cup.", "Add it."]),
    ("a. Remove the cup.\nb. Add it.", ["Remove the cup.", "Add it."]),
    ("A. Remove the cup.\nB. Add it.", ["Remove the cup.", "Add it."]),
    ("A. Smith waits.", ["A. Smith waits."]),
    ("i. Remove the cup.\nii. Add it.\niii. Go.", ["Remove the cup.", "Add it.", "Go."]),
    ("i) Remove the cup.\n(iv) Add it.", ["Remove the cup.", "Add it."]),
    ("• Remove the cup.\n•Add it.\n– Go.\n— Stop.", ["Remove the cup.", "Add it.", "Go.", "Stop."]),
    ("* Remove the cup.\n+ Add it.\n▪ Go.\n‣ Stop.", ["Remove the cup.", "Add it.", "Go.", "Stop."]),
    ("① Remove the cup.\n②Add it.\n❸ Go.", ["Remove the cup.", "Add it.", "Go."]),
    ("1\ufe0f\u20e3 Remove the cup.\n2\ufe0f\u20e3 Add it.", ["Remove the cup.", "Add it."]),
    ("- [ ] Remove the cup.\n- [x] Add it.", ["Remove the cup.", "Add it."]),
    ("1. - Remove the cup.\n- 2. Add it.", ["Remove the cup.", "Add it."]),
    ("1.1. Remove the cup.\n1.2) Add it.", ["Remove the cup.", "Add it."]),
    ("1: Remove the cup.\n2 - Add it.\n#3: Go.", ["Remove the cup.", "Add it.", "Go."]),
    ("1.Remove the cup.\n2)add it.", ["Remove the cup.", "add it."]),
    ("## Changes\n> It is red.", ["Changes", "It is red."]),
    ("**1.** It is red.\n**2. It** is blue.", ["It is red.", "**It** is blue."]),
    ("1. It is red. 2. It is blue.", ["It is red.", "It is blue."]),
    ("1) It is red 2) It is blue 3) It is big", ["It is red", "It is blue", "It is big"]),
    ("(a) It is red (b) It is blue", ["It is red", "It is blue"]),
    ("1. It is red 2. It is blue", ["It is red", "It is blue"]),
    ("1. Change the 1 to a 2. The sign is red.", ["Change the 1 to a 2.", "The sign is red."]),
    ("• It is red • It is blue", ["It is red", "It is blue"]),
    ("①红色②蓝色", ["红色", "蓝色"]),
    ("Edits: 1. It is red. 2. It is blue.", ["Edits:", "It is red.", "It is blue."]),
    ("1、移除狗。\n2、添加猫。", ["移除狗。", "添加猫。"]),
    ("一、移除狗。\n（二）添加猫。", ["移除狗。", "添加猫。"]),
    (
        "-5 °C is shown.\n3 dogs are here.\n3.5 m is the height.",
        ["-5 °C is shown.", "3 dogs are here.", "3.5 m is the height."],
    ),
    ("2 - 3 dogs are here.", ["2 - 3 dogs are here."]),
    ("5. Mai ist ein Feiertag.", ["5. Mai ist ein Feiertag."]),
    ("5.", ["5."]),
    ("The button (1) is red, (2) is blue.", ["The button (1) is red, (2) is blue."]),
    ("It is red\nIt is blue", ["It is red", "It is blue"]),
    ("It is red\r\nIt is blue\u2028It is big", ["It is red", "It is blue", "It is big"]),
    ("\t \u3000 \n", []),
]


@pytest.mark.parametrize(("text", "sentences"), LISTS)
def test_list_markers_are_no_part_of_a_sentence(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    ("sentence", "closed"),
    [
        ("It is red.", True),
        ("It is red", False),
        ("It is red:", False),
        ("It is red,", False),
        ("Is it red?", True),
        ("It is red...", True),
        ("It is red…", True),
        ('It says "STOP."', True),
        ("**It is red.**", True),
        ("(It is red.)", True),
        ("...", False),
        ("!!!", False),
        ("5.", True),
        ("它是红色的。", True),
        ("它是红色的", False),
        ("它是红色的.", True),
        ("「赤い。」", True),
        ("It is red。", False),
        ("It is red।", False),
        ("वर्ग लाल है।", True),
        ("هل هو أحمر؟", True),
        ("مربع سرخ ہے۔", True),
        ("Είναι κόκκινο;", True),
        ("It is red;", False),
        ("สี่เหลี่ยมสีแดง", True),
        ("မီးနီ။", True),
        ("", False),
    ],
)
def test_a_sentence_is_well_formed_with_words_and_a_mark_of_its_script(sentence: str, closed: bool) -> None:
    assert is_closed(sentence) == closed
    assert format_reward([sentence], finished=True) == float(closed)


PIECES = st.sampled_from(
    (
        *(
            " ",
            " ",
            ". ",
            ".",
            "! ",
            "? ",
            "…",
            "... ",
            "\n",
            "a",
            "The ",
            "No",
            "fig",
            "5",
            "p.m",
            "J. ",
            "1) ",
            "2) ",
            "(a) ",
        ),
        *(
            "- ",
            "• ",
            "①",
            "②",
            '"',
            "“",
            "”",
            "(",
            ")",
            "**",
            "。",
            "」",
            "「",
            "红",
            "и",
            "É",
            "e.g",
            ":",
            ";",
            ",",
            "# ",
        ),
        *("> ", "\u3000", "1. ", "2. "),
    )
)
TEXTS = st.lists(PIECES, max_size=24).map("".join)


@given(TEXTS)
def test_each_sentence_is_one_sentence(text: str) -> None:
    for sentence in split_sentences(text):
        assert split_sentences(sentence) == [sentence]


@given(TEXTS)
def test_joined_sentences_fall_apart_again(text: str) -> None:
    sentences = split_sentences(text)
    assert split_sentences(join_sentences(sentences)) == sentences


@given(st.text(alphabet="ab. !?\n\"J,;'…。红»é", max_size=60))
def test_splitting_loses_nothing_but_white_space(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


@given(TEXTS)
def test_splitting_keeps_every_letter_that_marks_no_item(text: str) -> None:
    said = [mark for mark in "".join(split_sentences(text)) if mark in "红иÉTheNofig"]
    assert said == [mark for mark in text if mark in "红иÉTheNofig"]


FAMILIES = (
    *(
        "!",
        ". ",
        ".",
        "a.",
        "a. ",
        "A. ",
        '"',
        "…",
        " ",
        "1)",
        "1) ",
        '!"… 1) ',
        "**",
        "*a",
        "_",
        "[",
        '{"a":',
        '"a", ',
        "`",
    ),
    *(
        "```\n",
        '\\"',
        "(",
        "「",
        "。」",
        "- ",
        "→ ",
        "1. a ",
        "①",
        "e.g. ",
        ": 1) a ",
        "['a ",
        "5. ",
        "\t",
        "\n",
        "“",
        "not ",
    ),
    *(
        "x, not x ",
        "from a to a ",
        "no corrections and ",
        "the caption is ",
        "step 1: ",
        "these x edits ",
        "but it is a ",
    ),
)
READERS: dict[str, Callable[[str], object]] = {
    "split": split_sentences,
    "closed": is_closed,
    "join": lambda text: join_sentences(split_sentences(text)),
    "statements": read_statements,
    "critique": read_critique,
    "nothing": says_nothing,
    "corrections": lambda text: without_empty_corrections([text]),
    "operations": lambda text: read_written("image", text, 3),
}


def _seconds(reader: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    reader(text)
    return time.process_time() - began


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", READERS)
def test_ten_times_the_text_takes_about_ten_times_as_long(name: str, family: str) -> None:
    reader = READERS[name]
    short, long = (f"{'a' * 40}{family * (length // len(family))}x" for length in (300, 3000))
    few, many = (min(_seconds(reader, text) for _ in range(2)) for text in (short, long))
    # A quadratic reader takes 100 times as long; what takes less than a few milliseconds tells nothing.
    assert many < max(40 * few, 0.01), f"{few:.5f} s and {many:.5f} s"


def test_the_text_that_once_took_minutes_takes_milliseconds() -> None:
    for text in ("a" * 400 + "!" * 400 + "x", "a" * 2000 + "!" * 2000 + "x"):
        assert _seconds(lambda said: format_reward(split_sentences(said), True), text) < 0.1
