"""Replies without an answer, by suite and model: in the record and in the reason of a verdict."""

import pytest

from models.suites.suite import Question
from models.unanswered import unanswered_percent, with_unanswered
from models.worlds import find_suite
from tasks.pages import benchmark_table
from viper.records import Difference, SuiteResult, Verdict

NONE = Difference(points=0, low=0, high=0)


def result(name: str) -> SuiteResult:
    return SuiteResult(
        suite=name, questions=10, base=50, champion=50, candidate=50, against_base=NONE, against_champion=NONE
    )


VERDICT = Verdict(
    decision="keep champion", reason="No gain.", suites=(result("MMStar"), result("BLINK")), mean=result("mean")
)


def noted(mmstar: tuple[float, float, float], blink: tuple[float, float, float]) -> Verdict:
    roles = ("base", "champion", "candidate")
    return with_unanswered(
        VERDICT,
        {role: {"MMStar": mmstar[place], "BLINK": blink[place]} for place, role in enumerate(roles)},
    )


def test_every_suite_and_the_mean_keep_each_models_share() -> None:
    suites, mean = noted((0, 2, 4), (10, 0, 6)).suites, noted((0, 2, 4), (10, 0, 6)).mean
    assert suites[0].unanswered is not None
    assert suites[0].unanswered.model_dump() == {"base": 0, "champion": 2, "candidate": 4}
    assert mean is not None
    assert mean.unanswered is not None
    assert mean.unanswered.model_dump() == {"base": 5, "champion": 1, "candidate": 5}


@pytest.mark.parametrize("percent", [0.0, 10.0])
def test_up_to_a_tenth_says_nothing(percent: float) -> None:
    assert noted((percent, percent, percent), (0, 0, 0)).reason == "No gain."


def test_more_than_a_tenth_is_named_by_suite_and_model_and_decides_nothing() -> None:
    verdict = noted((10.5, 0, 33), (0, 0, 12))
    assert verdict.decision == "keep champion"
    assert verdict.reason == (
        "No gain. No answer could be read in more than 10 % of the replies to "
        "MMStar (base 10.5 %, candidate 33.0 %), BLINK (candidate 12.0 %)."
    )


def test_the_table_of_a_verdict_shows_them_and_one_without_counts_stays_readable() -> None:
    (line,) = [line for line in benchmark_table(noted((0, 2, 12.5), (0, 0, 0))).splitlines() if "MMStar" in line]
    assert "| 0.0 / 2.0 / 12.5 |" in line
    (line,) = [line for line in benchmark_table(VERDICT).splitlines() if "MMStar" in line]
    assert line.endswith("|  |")


def test_a_verdict_stored_before_they_were_counted_is_read() -> None:
    stored = VERDICT.model_dump(mode="json", exclude={"suites": {"__all__": {"unanswered"}}, "mean": {"unanswered"}})
    assert Verdict.model_validate(stored) == VERDICT


def test_replies_stored_before_they_were_counted_pass_for_answers() -> None:
    assert unanswered_percent([{"answered": False}, {"answered": True}, {}, {}]) == 25.0


CHOICE = Question("1", "Which?", ("cat", "dog"), "A", "all")
YES_NO = Question("1", "Is it?", (), "yes", "all")
OPEN = Question("1", "How many?", (), "3", "all")


@pytest.mark.parametrize(
    ("suite", "question", "reply", "score", "answered"),
    [
        ("MMStar", CHOICE, "A", 1.0, True),
        ("MMStar", CHOICE, "B", 0.0, True),
        ("MMStar", CHOICE, "I cannot tell.", 0.0, False),
        ("MMStar", CHOICE, "<think>The answer is A", 0.0, False),
        ("HallusionBench", YES_NO, "No.", 0.0, True),
        ("HallusionBench", YES_NO, "I have no idea.", 0.0, False),
        ("RealWorldQA", OPEN, "4", 0.0, True),
        ("RealWorldQA", OPEN, "<think>3", 0.0, False),
        ("Mantis-Eval", OPEN, "It is 3.", 1.0, True),
        ("caption_fidelity", OPEN, "", 0.0, False),
        ("hallucination", YES_NO, "maybe", 0.0, False),
    ],
)
def test_a_reply_is_kept_with_its_score_and_whether_it_answers(
    suite: str, question: Question, reply: str, score: float, answered: bool
) -> None:
    assert find_suite(suite).marks(question, reply) == {"score": score, "answered": answered}
