"""What the VLM's answers say of an operation, and what that does to the pixels' decision."""

import pytest

from models.payloads import Happened
from models.selfcritique import ACCEPTED, DENIED, UNANSWERED, Decision, judge_by_witness
from models.tries import NOT_READ, Unusable
from models.witness import NEITHER, WitnessQuestion, happened, read_answer

GONE = WitnessQuestion("is it still there?", "no", before=False)
COME = WitnessQuestion("is it over there?", "yes", before=False)
KEPT, SPILLED = Decision(True, ACCEPTED), Decision(False, "spilled elsewhere")


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("yes.", "yes"),
        ("No, the ball is still red.", "no"),
        ("<think>Yes, it could be.</think>No", "no"),
        ("Yes and no.", Unusable(NEITHER)),
        ("The ball is red.", Unusable(NEITHER)),
        ("", Unusable(NOT_READ)),
    ],
)
def test_answers_are_read_as_those_of_benchmarks_are(reply: str, answer: str | Unusable) -> None:
    assert read_answer(reply) == answer


@pytest.mark.parametrize(
    ("questions", "answers", "expected"),
    [
        ([COME], ["yes"], "yes"),
        ([COME], ["no"], "no"),
        ([GONE], ["no"], "yes"),
        ([GONE], ["yes"], "no"),
        ([GONE, COME], ["no", "yes"], "yes"),
        ([GONE, COME], ["no", "no"], "no"),
        ([GONE, COME], ["yes", "yes"], "no"),
        ([COME], [Unusable(NEITHER)], "no answer"),
        # One confirmation of two is none; one denial is enough, whatever else is said.
        ([GONE, COME], ["no", Unusable(NEITHER)], "no answer"),
        ([GONE, COME], [Unusable(NEITHER), "no"], "no"),
        ([], [], "no answer"),
    ],
)
def test_an_operation_happened_if_every_question_confirms_it(
    questions: list[WitnessQuestion], answers: list[str | Unusable], expected: Happened
) -> None:
    assert happened(questions, answers) == expected


@pytest.mark.parametrize(
    ("by_pixels", "answers", "expected"),
    [
        (KEPT, ["yes", "yes"], KEPT),
        (KEPT, ["yes", "no"], Decision(False, DENIED)),
        (KEPT, ["yes", "no answer"], Decision(False, UNANSWERED)),
        (KEPT, ["no answer", "no"], Decision(False, DENIED)),
        (SPILLED, ["yes", "yes"], SPILLED),
        (SPILLED, ["no", "no answer"], SPILLED),
    ],
)
def test_an_edit_stands_where_pixels_and_vlm_agree(
    by_pixels: Decision, answers: list[Happened], expected: Decision
) -> None:
    assert judge_by_witness(by_pixels, answers) == expected
