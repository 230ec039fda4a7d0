"""The power line: a true difference of its size is shown four times in five."""

import numpy as np
import pytest

from models.gaps import Gaps
from models.paired_tests import mcnemar_p
from models.power import detectable_points


def _even(questions: int, changed: int) -> Gaps:
    """Gaps of 0/1 scores where as many questions are won as lost."""
    return np.array([100.0, -100.0] * (changed // 2) + [0.0] * (questions - changed))


@pytest.mark.parametrize("level", [0.05, 0.05 / 7])
@pytest.mark.parametrize(
    ("questions", "changed"), [(50, 0), (50, 6), (50, 20), (120, 12), (200, 40), (1000, 40), (1000, 200)]
)
def test_on_scores_of_0_and_1_a_difference_of_the_line_is_shown_four_times_in_five(
    questions: int, changed: int, level: float
) -> None:
    line = detectable_points(_even(questions, changed), True, level)
    assert line is not None
    gain, share = line / 100, max(changed / questions, line / 100)
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(questions, [(share + gain) / 2, (share - gain) / 2, 1 - share], size=3000)
    shown = [won > lost and mcnemar_p(int(won), int(lost)) <= level for won, lost, _ in drawn]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.03)


def _shown(gaps: np.ndarray, level: float) -> float:
    """How often the sign-flip test shows a gain in rows of gaps: its p by flips of its own, the same for every row."""
    signs = np.random.default_rng(9).choice([-1.0, 1.0], size=(2000, gaps.shape[1]))
    sums, flipped = gaps.sum(axis=1), np.abs(np.abs(gaps) @ signs.T)
    p = (1 + (flipped >= np.abs(sums)[:, None] - 1e-6).sum(axis=1)) / 2001
    return float(np.mean((p <= level) & (sums > 0)))


@pytest.mark.parametrize("questions", [60, 200, 1000])
def test_on_graded_scores_that_all_move_the_line_holds(questions: int) -> None:
    rng = np.random.default_rng(questions)
    spread = 20 * np.sqrt(questions) / np.linalg.norm(seen := rng.normal(0, 20, questions)) * seen
    line = detectable_points(spread, False, 0.05)
    assert line is not None
    assert _shown(rng.normal(line, 20, size=(1000, questions)), 0.05) == pytest.approx(0.8, abs=0.045)


@pytest.mark.parametrize("questions", [300, 1000])
def test_on_graded_scores_of_which_a_part_moves_the_line_holds(questions: int) -> None:
    rng = np.random.default_rng(questions)

    def sizes(rounds: int) -> np.ndarray:
        return rng.choice([0.0, 25.0, 50.0, 100.0], p=[0.7, 0.15, 0.1, 0.05], size=(rounds, questions))

    seen = sizes(200)
    lines = [detectable_points(row * rng.choice([-1, 1], questions), False, 0.05) for row in seen]
    line = float(np.median([one for one in lines if one is not None]))
    up = (1 + line / seen.mean()) / 2
    drawn = sizes(1000)
    assert _shown(drawn * np.where(rng.random(drawn.shape) < up, 1, -1), 0.05) == pytest.approx(0.8, abs=0.045)


def test_where_too_little_was_observed_there_is_no_line() -> None:
    graded = np.random.default_rng(0).normal(0, 20, 200)
    assert detectable_points(_even(49, 10), True, 0.05) is None
    assert detectable_points(_even(50, 10), True, 0.05) is not None
    assert detectable_points(graded[:49], False, 0.05) is None
    assert detectable_points(graded, False, 0.05) is not None
    assert detectable_points(np.where(np.arange(200) < 49, graded, 0), False, 0.05) is None
    assert detectable_points(np.zeros(200), False, 0.05) is None


def test_a_level_that_no_suite_reaches_has_no_line() -> None:
    level = (1 - 0.9999999999999999) / 7
    assert detectable_points(_even(50, 10), True, level) is None  # 50 questions won have p = 2 / 2**50
    assert detectable_points(_even(1000, 10), True, level) is not None
    assert detectable_points(np.random.default_rng(0).normal(0, 20, 200), False, level) is not None


def test_models_that_never_differ_do_not_make_a_suite_all_seeing() -> None:
    line = detectable_points(np.zeros(1000), True, 0.05)
    # Six questions that all go one way have p = 2/64. Where 0.79 % do, there are six of 1,000 four times in five.
    assert line == pytest.approx(0.79, abs=0.01)


def test_a_stricter_level_needs_a_larger_difference() -> None:
    lines = [detectable_points(_even(1000, 100), True, level) for level in (0.1, 0.05, 0.05 / 7)]
    assert lines == sorted(lines, key=lambda line: line or 0)
    assert len(set(lines)) == 3
