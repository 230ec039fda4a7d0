"""The comparison of three models and the gate's verdict on it."""

import numpy as np
import pytest

from models.comparison import compare
from models.gate import decide
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
    assert "b -1" in verdict.reason or "b -9" in verdict.reason


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
        (20, 40, True),  # -2 points where the models differ more, p = 0.01
        (60, 95, True),  # -3.5 points
    ],
)
def test_a_suite_is_lost_by_a_certain_fall_beyond_the_margin(won: int, lost: int, lost_suite: bool) -> None:
    champion, candidate = _changed(won, lost)
    gained = _changed(300, 0)
    verdict = _verdict({"a": champion, "b": gained[0]}, {"a": candidate, "b": gained[1]})
    assert verdict.decision == ("keep champion" if lost_suite else "promote")
    assert ("a -" in verdict.reason) == lost_suite


def test_a_handful_of_questions_of_a_small_suite_is_not_a_certain_loss() -> None:
    champion, candidate = _changed(0, 5, 205)  # -2.4 points, but McNemar's exact p is 0.06
    gained = _changed(100, 0, 200)
    assert _verdict({"a": champion, "b": gained[0]}, {"a": candidate, "b": gained[1]}).decision == "promote"


def test_unchanged_models_are_seldom_refused_and_a_real_loss_mostly() -> None:
    rng, gate = np.random.default_rng(4), GateSettings(resamples=200)

    def refused(points: float) -> float:
        """How often a suite of 1,000 is called lost if the two differ on 4 % of it, with this mean."""
        shares = np.array([0.04 + points / 100, 0.04 - points / 100]) / 2
        found = []
        for _ in range(100):
            won, lost = rng.multinomial(1000, [*shares, 1 - shares.sum()])[:2]
            champion, candidate = _changed(int(won), int(lost))
            found.append("lost" in _verdict({"a": champion}, {"a": candidate}, gate).reason)
        return float(np.mean(found))

    assert refused(0.0) < 0.08
    assert refused(-2.0) > 0.75


def test_the_gain_may_be_asked_of_one_suite() -> None:
    gate = GateSettings(resamples=500, gain_on="b")
    better_elsewhere = _verdict(_scores(a=0.5, b=0.5), _scores(a=0.6, b=0.5), gate)
    assert better_elsewhere.decision == "keep champion"
    assert "on b" in better_elsewhere.reason
    assert _verdict(_scores(a=0.5, b=0.5), _scores(a=0.5, b=0.6), gate).decision == "promote"


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
    assert mean.against_champion.test is None
