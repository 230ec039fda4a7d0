"""Reading a reply takes time that grows with its length, and no faster."""

import random
import time

import pytest

from models.suites.extraction import extract_letter, extract_yes_no, says

ANIMALS = ("cat", "dog", "horse", "cow")
PIECES = [
    "A ",
    "A or ",
    "A,",
    "A/B/",
    "、A",
    "(A) cat ",
    "A. cat\n",
    "A the ",
    "B is ",
    "the answer is ",
    "not ",
    "no ",
    "if would ",
    "option ",
    "e o a ",
    "cat ",
    "cat or ",
    "cat-",
    "aaaa",
    "1.1",
    "1 500 ",
    "a'",
    "_a",
    " ",
    "\n",
    "<",
    "<<",
    "<b>",
    "[",
    "◁",
    "**",
    "__",
    "~~",
    "~~a",
    "{",
    "}",
    "\\",
    "\\boxed{",
    "\\text{",
    "<think>",
    "</think>",
    "<answer>",
    "<channel",
    "assistantfinal",
    "here is my ",
    "答案",
    "没有",
    "yes, ",
    "yes and ",
    "there is no ",
    "U.",
    "- ",
    "most likely ",
    "correct ",
    "say might ",
    "[x] ",
    "( ) ",
    "☐ A ",
    "50% ",
    "50% sure A ",
    "A: no\n",
    "A ✗ ",
    "because A and B are ",
    "\\frac{1}{",
    "\\frac ",
    "^\\circ",
    "that is ",
    "no, that ",
    "B. No. ",
    "initially ",
    "with it would ",
    "none other than ",
    "all but ",
    "A (",
    "B is right. ",
    "scratch that, ",
    "change it to ",
    "_answer",
    "aA",
    "[answer]",
]


@pytest.mark.parametrize("piece", PIECES)
def test_time_is_linear_in_the_length_of_a_reply(piece: str) -> None:
    def seconds(length: int) -> float:
        reply = (piece * length)[:length]
        best = float("inf")
        for _ in range(2):
            began = time.process_time()
            extract_letter(reply, ANIMALS)
            extract_yes_no(reply)
            says(reply, "cat")
            best = min(best, time.process_time() - began)
        return best

    # Linear is 8 times as long, quadratic 64 times.
    assert seconds(16_000) < 24 * seconds(2_000) + 0.02


def test_a_long_reply_takes_well_under_a_second() -> None:
    words = [
        "The",
        "answer",
        "is",
        "not",
        "A",
        "but",
        "a",
        "dog",
        ",",
        "I",
        "think",
        "it",
        "is",
        "B",
        ".",
        "\n",
        "\\boxed{C}",
        "答案",
        "not",
        "(D)",
        "cat",
        "or",
        "horse",
    ]
    reply = " ".join(random.Random(0).choices(words, k=25_000))[:100_000]
    began = time.process_time()
    extract_letter(reply, ANIMALS)
    assert time.process_time() - began < 1.5  # 0.2 s on a free machine
