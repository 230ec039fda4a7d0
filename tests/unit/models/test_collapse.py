"""What counts as a collapse of data, training or captions."""

import pytest

from flows.cut import slice_of
from models.collapse import (
    CandidateRules,
    TrainingRules,
    YieldRules,
    caption_collapse,
    distinct_2,
    self_similarity,
    training_collapse,
    yield_collapse,
)
from viper.settings import CollapseSettings

SETTINGS = CollapseSettings(window_prompts=90)
TRAINING = slice_of(TrainingRules, SETTINGS)
CANDIDATE = slice_of(CandidateRules, SETTINGS)
YIELD = YieldRules(enabled=True, min_filter_yield=SETTINGS.min_filter_yield, min_samples=32)
HEALTHY = {
    "reward": 0.6,
    "reward/coverage": 0.6,
    "completion_chars": 80.0,
    "entropy": 0.2,
    "zero_variance_groups": 0.3,
}
BASE = [
    f"there is a {size} {color} {shape} at the {place}."
    for size, color, shape, place in (
        ("small", "red", "circle", "top left"),
        ("large", "blue", "ring", "middle center"),
        ("small", "teal", "cross", "bottom right"),
        ("large", "pink", "square", "top center"),
    )
]


def _judge(*changes: dict[str, float]) -> str | None:
    """Two healthy batches of 48 prompts, then others."""
    steps = [HEALTHY, HEALTHY, *({**HEALTHY, **change} for change in changes)]
    return training_collapse(steps, 48, TRAINING)


def test_a_healthy_training_passes() -> None:
    assert _judge({"reward": 0.75, "completion_chars": 45.0, "entropy": 0.15}, {"zero_variance_groups": 0.5}) is None


@pytest.mark.parametrize(
    ("figure", "value", "named"),
    [
        ("completion_chars", 30.0, r"completion_chars of the rollouts fell to 30 \(collapse.min_length_share is 0.5\)"),
        ("reward/coverage", 0.2, r"reward/coverage of the rollouts fell to 0.2 \(collapse.min_coverage_share is 0.5\)"),
        ("entropy", 0.01, r"entropy of the rollouts fell to 0.010 nats; collapse.min_entropy_nats is 0.02"),
        ("zero_variance_groups", 0.95, r"zero_variance_groups rose to 0.95 .*max_zero_variance_share is 0.9"),
    ],
)
def test_a_collapse_names_figure_value_and_threshold(figure: str, value: float, named: str) -> None:
    import re

    found = _judge({figure: value}, {figure: value})
    assert found is not None
    assert re.search(named, found), found


def test_one_bad_batch_is_noise() -> None:
    assert _judge({"completion_chars": 30.0}) is None


def test_figures_are_judged_over_as_many_prompts_as_the_profile_wants() -> None:
    steps = [HEALTHY] + [{**HEALTHY, "entropy": 0.0}] * 9
    assert training_collapse(steps, 8, TRAINING) is None  # 80 prompts
    found = training_collapse([*steps, {**HEALTHY, "entropy": 0.0}, {**HEALTHY, "entropy": 0.0}], 8, TRAINING)
    assert found is not None


def test_steps_without_rollouts_of_their_own_do_not_count() -> None:
    between = {"loss": 0.1, "entropy": 0.0}
    assert training_collapse([HEALTHY, between, HEALTHY, between], 48, TRAINING) is None


def test_an_ablation_may_go_on() -> None:
    off = {"enabled": False}
    assert training_collapse([{**HEALTHY, "entropy": 0.0}] * 4, 48, TRAINING.model_copy(update=off)) is None
    assert caption_collapse(["a"] * 4, BASE, CANDIDATE.model_copy(update=off)) is None


def test_other_words_for_other_images_are_no_collapse() -> None:
    assert caption_collapse([text.replace("there is", "i can see") for text in BASE], BASE, CANDIDATE) is None


@pytest.mark.parametrize(
    ("captions", "named"),
    [
        (["a red circle."] * 4, "words a caption"),
        (["there is a red circle at the top left."] * 4, "distinct-2"),
    ],
)
def test_captions_that_shrink_or_are_all_alike_are_a_collapse(captions: list[str], named: str) -> None:
    found = caption_collapse(captions, BASE, CANDIDATE)
    assert found is not None
    assert found.startswith(named)


def test_distinct_2_and_self_similarity_are_what_their_formulas_say() -> None:
    # Pairs with the ends: (^,a) (a,b) (b,$) and (^,a) (a,c) (c,$): 5 distinct of 6, 1 shared of 5.
    assert distinct_2(["a b", "a c"]) == pytest.approx(5 / 6)
    assert self_similarity(["a b", "a c"]) == pytest.approx(1 / 5)
    assert self_similarity(["a b"] * 3) == 1.0
    assert self_similarity(["yes", "no"]) == 0.0


def test_a_filter_that_leaves_little_is_a_collapse() -> None:
    assert yield_collapse("csr", 300, 400, YIELD) is None
    few = yield_collapse("csr", 20, 400, YIELD)
    assert few is not None
    assert "20 csr samples of 400; filter.min_samples is 32" in few
    low = yield_collapse("vop", 40, 4000, YIELD)
    assert low is not None
    assert "1.0% of 4000 vop samples; collapse.min_filter_yield is 0.05" in low
