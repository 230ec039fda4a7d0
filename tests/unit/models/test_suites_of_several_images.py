"""Suites whose questions show several images."""

import json

import pytest

from models.suites.image_cells import image_cells
from models.worlds import WORLDS, find_suite
from tests.unit.models.suite_rows import ASKED, COLORS, encoded, from_hub, png, struct

WORDING = WORLDS["photographs"].prompts.wording


def test_blink_has_several_images_in_both_forms() -> None:
    suite = find_suite("blink")
    colors = ["red", "blue", "green"]
    row = {
        "idx": "val_Jigsaw_1",
        "question": "Which color?",
        "sub_task": "Jigsaw",
        **{f"image_{place}": struct(color) for place, color in enumerate(colors, 1)},
        "image_4": None,
        "choices": list(COLORS.values()),
        "answer": "(C)",
        "prompt": "Which color? Select from the following choices.\n(A) teal",
        "explanation": "",
    }
    ((question, images),) = from_hub(suite, [row, {**row, "image_4": struct()}][:1])
    assert (question.index, question.category, question.answer) == ("val_Jigsaw_1", "Jigsaw", "C")
    assert images == [png(color) for color in colors]
    assert suite.prompt(question, WORDING) == ASKED
    listed = [encoded(color) for color in colors]
    for cell in (str(listed), json.dumps(listed)):
        assert image_cells({"image": cell}) == images


def test_mantis_eval_has_choices_and_short_answers_over_several_images() -> None:
    suite = find_suite("mantis-eval")
    row = {
        "id": "m1",
        "question_type": "multi-choice",
        "question": "<image><image> Which color?",
        "options": [f"({letter}) {text}" for letter, text in COLORS.items()],
        "images": [struct("red"), struct("blue")],
        "answer": "C",
        "data_source": "web",
        "category": "compare",
    }
    short = {**row, "question_type": "short-answer", "question": "In <image> and <image>, which is alike?"}
    (choice, images), (open_question, _) = from_hub(suite, [row, {**short, "options": [], "answer": "the ring"}])
    assert suite.prompt(choice, WORDING) == ASKED
    assert images == [png("red"), png("blue")]
    assert suite.prompt(open_question, WORDING) == (
        "In image 1 and image 2, which is alike?\nAnswer the question using a single word or phrase."
    )
    assert [suite.score(open_question, reply) for reply in ("It is the ring.", "a cross")] == [1, 0]


@pytest.mark.parametrize(
    ("question", "images", "asked"),
    [
        ("<image> is a cat. Which animal is in <image>?", 2, "image 1 is a cat. Which animal is in image 2?"),
        ("<image><image> Which color?", 2, "Which color?"),
        ("<image>\n<image>\nwhich color?", 2, "which color?"),
        ("<image> Which animal is in <image>?", 2, "Which animal is in image 2?"),
        ("<image>, <image>: which differs?", 2, "image 1, image 2: which differs?"),
        ("Compare <image><image>.", 2, "Compare image 1, image 2."),
        # The benchmark's harness puts images without a marker before the question, the first ones.
        ("Which animal is in <image>?", 3, "Which animal is in image 3?"),
        ("Which animal is it?", 2, "Which animal is it?"),
        # And markers beyond the images show nothing there.
        ("<image> and <image> or <image>?", 2, "image 1 and image 2 or ?"),
    ],
)
def test_mantis_markers_name_the_images_in_their_order(question: str, images: int, asked: str) -> None:
    suite = find_suite("mantis-eval")
    row = {"question_type": "multi-choice", "question": question, "options": ["(A) a cat", "(B) a dog"]}
    ((found, pictures),) = from_hub(suite, [{**row, "images": [struct()] * images, "answer": "A"}])
    assert (found.text, len(pictures), found.options) == (asked, images, ("a cat", "a dog"))


def test_markers_in_mantis_options_go_on_counting() -> None:
    suite = find_suite("mantis-eval")
    row = {
        "question_type": "multi-choice",
        "question": "Which is like <image>?",
        "options": ["(A) <image>", "(B) <image>"],
    }
    ((found, _),) = from_hub(suite, [{**row, "images": [struct()] * 3, "answer": "B"}])
    assert (found.text, found.options) == ("Which is like image 1?", ("image 2", "image 3"))
