"""How replies are scored in the embedded world."""

import pytest

from models.suites.suite import Question
from models.worlds import find_suite
from models.worlds.shapes.scoring import caption_fidelity


def test_captions_are_scored_by_facts() -> None:
    truth = "a small teal ring is at the top left."
    assert caption_fidelity("the top left holds a small teal ring.", truth) == 1.0
    assert caption_fidelity("the top left holds a small green ring.", truth) == pytest.approx(2 / 3)
    assert caption_fidelity("", truth) == 0.0


def test_an_options_text_is_taken_from_a_reply_of_any_length() -> None:
    question = Question("7", "what color?", ("teal", "green", "red", "blue"), "B", "color")
    reply = "it is green and nothing else in this world"
    assert find_suite("fine_perception").score(question, reply) == 1.0
    assert find_suite("MMStar").score(question, reply) == 1.0
