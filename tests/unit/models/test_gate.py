"""The comparison of three models and the gate's verdict on it."""

import math

import numpy as np
import pytest

from models.comparison import compare
from models.gate import decide
from models.power import detectable_points
from viper.records import SuiteResult, Verdict
from viper.settings import GateSettings

GATE = GateSettings(resamples=500)
Scores = dict[str, list[float]]


def _scores(**points: float) -> Scores:
    """The same questions are hard for every model."""
    noise = np.random.default_rng(0).random(1000)
    return {suite: [float(x < share) for x in noise] for suite, share in points.items()}


def _compare(
    champion: Scores, candidate: Scores, gate: GateSettings = GATE
) -> tuple[tuple[SuiteResult, ...], SuiteResult]:
    categories = {suite: ["all"] * len(found) for suite, found in candidate.items()}
    return compare({"base": champion, "champion": champion, "candidate": candidate}, categories, gate, 0)


def _verdict(champion: Scores, candidate: Scores, gate: GateSettings = GATE) -> Verdict:
    return decide(*_compare(champion, candidate, gate), None, gate)


def _changed(won: int, lost: int, questions: int = 1000) -> tuple[list[float], list[float]]:
    """Scores of a champion and of a candidate that differ on so many questions."""
    same = [1.0, 0.0] * ((questions - won - lost) // 2)
    return [0.0] * won + [1.0] * lost + same, [1.0] * won + [0.0] * lost + same


def test_a_certain_gain_is_promoted() -> None:
    verdict = _verdict(_scores(a=0.5, b=0.5), _scores(a=0.6, b=0.5))
    assert verdict.decision == "promote"
    assert verdict.mean is not None
    assert verdict.mean.against_champion.points == pytest.approx(5.0, abs=1.5)


def test_a_loss_on_one_suite_keeps_the_champion_and_names_the_suite() -> None:
    verdict = _verdict(_scores(a=0.5, b=0.5), _scores(a=0.8, b=0.4))
    assert verdict.decision == "keep champion"
    assert "on b -1" in verdict.reason or "on b -9" in verdict.reason
    assert "margin of 1 points" in verdict.reason


def test_no_difference_keeps_the_champion() -> None:
    same = _scores(a=0.5)
    verdict = _verdict(same, same)
    assert verdict.decision == "keep champion"
    assert "No certain gain" in verdict.reason


def test_a_gain_that_may_be_noise_keeps_the_champion() -> None:
    champion, candidate = _changed(24, 16)  # +0.8 points of 1,000, and the interval reaches below zero
    verdict = _verdict({"a": champion}, {"a": candidate})
    assert verdict.mean is not None
    assert verdict.mean.against_champion.low <= 0 < verdict.mean.against_champion.points
    assert verdict.decision == "keep champion"
    assert "No certain gain" in verdict.reason


def test_a_collapse_comes_before_any_score() -> None:
    results = _compare(_scores(a=0.5), _scores(a=0.9))
    verdict = decide(*results, "Captions shrank.", GATE)
    assert (verdict.decision, verdict.reason) == ("collapse", "Captions shrank.")


@pytest.mark.parametrize(
    ("won", "lost", "lost_suite"),
    [
        (14, 26, False),  # -1.2 points of 1,000, p = 0.08: noise
        (70, 86, False),  # -1.6 points where the models differ often, p = 0.23: noise
        (0, 8, False),  # -0.8 points, p = 0.008: certain, but within the margin
        (10, 30, True),  # -2 points, p = 0.002
        (20, 40, True),  # -2 points where the models differ more, p = 0.013
        (60, 95, True),  # -3.5 points
    ],
)
def test_a_suite_is_lost_by_a_certain_fall_beyond_the_margin(won: int, lost: int, lost_suite: bool) -> None:
    champion, candidate = _changed(won, lost)
    gained = _changed(300, 0)
    verdict = _verdict({"a": champion, "b": gained[0]}, {"a": candidate, "b": gained[1]})
    assert verdict.decision == ("keep champion" if lost_suite else "promote")
    assert ("a -" in verdict.reason) == lost_suite


def test_a_fall_that_one_of_many_suites_may_show_by_chance_is_not_a_loss() -> None:
    champion, candidate = _changed(15, 30)  # -1.5 points, p = 0.036
    same, gained = _changed(0, 0)[0], _changed(300, 0)
    pairs = {"a": (champion, candidate), "b": gained, "c": (same, same), "d": (same, same)}

    def decision(*suites: str) -> str:
        return _verdict({s: pairs[s][0] for s in suites}, {s: pairs[s][1] for s in suites}).decision

    assert decision("a", "b") == "keep champion"  # b's gain is certain, so that a is looked at alone
    assert decision("a", "b", "c", "d") == "promote"


def test_a_handful_of_questions_of_a_small_suite_is_not_a_certain_loss() -> None:
    champion, candidate = _changed(0, 5, 205)  # -2.4 points, but McNemar's exact p is 0.06
    gained = _changed(100, 0, 200)
    assert _verdict({"a": champion, "b": gained[0]}, {"a": candidate, "b": gained[1]}).decision == "promote"


@pytest.mark.parametrize(
    ("won", "lost", "questions", "decision"),
    [
        (3, 0, 40, "keep champion"),  # +7.5 points, p = 0.25
        (5, 0, 40, "keep champion"),  # p = 0.06
        (9, 0, 40, "keep champion"),  # p = 0.004, but fewer than ten answers changed
        (10, 0, 40, "promote"),
        (10, 2, 40, "promote"),  # p = 0.039
        (10, 3, 41, "keep champion"),  # p = 0.092
        (0, 12, 40, "keep champion"),
    ],
)
def test_a_few_answers_promote_nothing(won: int, lost: int, questions: int, decision: str) -> None:
    champion, candidate = _changed(won, lost, questions)
    assert _verdict({"a": champion}, {"a": candidate}).decision == decision


def test_a_few_answers_of_one_of_two_suites_promote_nothing() -> None:
    champion, candidate = _changed(3, 0, 41)
    same = _changed(0, 0, 40)[0]
    verdict = _verdict({"a": champion, "b": same}, {"a": candidate, "b": same})
    assert verdict.decision == "keep champion"
    assert "p 0.2" in verdict.reason


def test_how_many_answers_must_change_is_a_setting() -> None:
    champion, candidate = _changed(9, 0, 41)
    verdict = _verdict({"a": champion}, {"a": candidate})
    assert "9 answers changed, fewer than gate.min_changed = 10" in verdict.reason
    few = GateSettings(resamples=500, min_changed=9)
    assert _verdict({"a": champion}, {"a": candidate}, few).decision == "promote"


def test_a_graded_suite_is_judged_by_how_far_answers_moved() -> None:
    champion = [0.5] * 200
    # 30 answers a little better, 10 far worse: most were won, and the mean fell by 2.3 points.
    candidate = [0.52] * 30 + [0.0] * 10 + [0.5] * 160
    gained = _changed(100, 0, 200)
    verdict = _verdict({"a": champion, "b": gained[0]}, {"a": candidate, "b": gained[1]})
    assert verdict.decision == "keep champion"
    assert "on a -2.2" in verdict.reason
    assert _verdict({"a": champion}, {"a": [0.52] * 30 + [0.5] * 170}).decision == "promote"


def test_what_is_shown_agrees_with_what_is_decided() -> None:
    rng = np.random.default_rng(11)
    decisions = []
    for _ in range(60):
        sizes = {suite: int(rng.integers(20, 400)) for suite in "abc"}
        pairs = {
            suite: _changed(int(rng.integers(0, size // 5)), int(rng.integers(0, size // 10)), size)
            for suite, size in sizes.items()
        }
        gate = GateSettings(resamples=100)
        verdict = _verdict({s: one for s, (one, _) in pairs.items()}, {s: two for s, (_, two) in pairs.items()}, gate)
        decisions.append(verdict.decision)
        assert verdict.mean is not None
        mean = verdict.mean.against_champion
        assert mean.test is not None
        assert (mean.low > 0) == (mean.points > 0 and mean.test.p <= 0.05)
        if verdict.decision == "promote":
            assert mean.low > 0
        for row in verdict.suites:
            found = row.against_champion
            assert found.test is not None
            if row.suite in verdict.reason.partition("points on")[2].split():
                assert found.high < 0
                assert found.test.p_adjusted <= 0.05
    assert {"promote", "keep champion"} == set(decisions)


def test_the_gain_may_be_asked_of_one_suite() -> None:
    gate = GateSettings(resamples=500, gain_on="b")
    better_elsewhere = _verdict(_scores(a=0.5, b=0.5), _scores(a=0.6, b=0.5), gate)
    assert better_elsewhere.decision == "keep champion"
    assert "on b" in better_elsewhere.reason
    assert _verdict(_scores(a=0.5, b=0.5), _scores(a=0.5, b=0.6), gate).decision == "promote"


def test_the_suite_that_is_asked_for_the_gain_is_a_question_for_itself() -> None:
    pairs = {"a": _changed(3, 3), "b": _changed(30, 14), "c": _changed(40, 20)}
    champion, candidate = ({suite: pair[role] for suite, pair in pairs.items()} for role in (0, 1))
    results, _ = _compare(champion, candidate, GateSettings(resamples=500, gain_on="b"))
    tests = [result.against_champion.test for result in results]
    assert [test and test.p_adjusted / test.p for test in tests] == pytest.approx([1, 1, 2])


def test_categories_are_compared_on_their_own_questions_and_p_values_are_adjusted() -> None:
    champion, candidate = _changed(12, 0)
    other = _changed(3, 3)
    categories = {"a": ["easy"] * 20 + ["hard"] * 980, "b": ["all"] * 1000}
    scores = {
        "base": {"a": champion, "b": other[0]},
        "champion": {"a": champion, "b": other[0]},
        "candidate": {"a": candidate, "b": other[1]},
    }
    (first, second), mean = compare(scores, categories, GATE, 0)
    assert [(part.suite, part.questions) for part in first.categories] == [("easy", 20), ("hard", 980)]
    assert first.categories[0].against_champion.points == pytest.approx(60.0)
    assert first.categories[1].against_champion.points == 0
    assert second.categories == ()
    test = first.against_champion.test
    assert test is not None
    assert (test.won, test.lost) == (12, 0)
    assert test.p_adjusted == pytest.approx(2 * test.p)
    easy, hard = (part.against_champion.test for part in first.categories)
    assert easy is not None
    assert hard is not None
    assert easy.detectable_points is None  # 20 questions say nothing of power
    # A suite's line is that of its adjusted test: of two suites, at half the level.
    assert test.detectable_points == detectable_points(np.array([100.0] * 12 + [0.0] * 988), True, 0.05 / 2)
    # 18 answers changed, all in suites of one size: the mean's p is McNemar's over both.
    mean_test = mean.against_champion.test
    assert mean_test is not None
    assert (mean_test.won, mean_test.lost) == (15, 3)
    assert mean_test.p == pytest.approx(2 * sum(math.comb(18, k) for k in range(4)) / 2**18)
