"""Collapse: a model that stopped saying anything, whatever its reward. Pure decisions over measured figures.

A reward of precision alone is highest for one safe sentence, so a policy can earn more and more while it says less and
less (``models.rewards``). Each function returns what collapsed in one sentence, with value and threshold, or ``None``.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from viper.records import Record, SuiteResult


class TrainingRules(Record):
    """When a training counts as collapsed: see ``viper.settings.CollapseSettings``."""

    enabled: bool
    window_prompts: int
    min_length_share: float
    min_coverage_share: float
    min_entropy_nats: float
    max_zero_variance_share: float


class CandidateRules(Record):
    """When a candidate's captions and scores count as collapsed: see ``viper.settings.CollapseSettings``."""

    enabled: bool
    min_words_share: float
    min_distinct_share: float
    min_dissimilarity_share: float
    min_score_share: float


class YieldRules(Record):
    """When writing and the self-critique filter left too little of a lesson."""

    enabled: bool
    min_filter_yield: float
    """Samples in a lesson's dataset, as a share of the critiques or edits that were asked for, in [0, 1]."""
    min_samples: int
    """Samples that a dataset must have in any case."""


Rules = TrainingRules | CandidateRules | YieldRules


def training_collapse(
    steps: Sequence[Mapping[str, float]], prompts_per_step: int, settings: TrainingRules
) -> str | None:
    """What collapsed in a training by reinforcement, judged after each of its steps.

    Args:
        steps: Figures of all steps so far, as named in ``models.grpo_reports.METRICS``. Steps without rollouts of their
            own have no ``reward`` and are left out.
        prompts_per_step: Prompts of a rollout batch.
        settings: Thresholds.
    """
    batches = [step for step in steps if "reward" in step]
    window = -(-settings.window_prompts // prompts_per_step)
    if not settings.enabled or len(batches) < window:
        return None

    def mean(name: str, chosen: Sequence[Mapping[str, float]]) -> float:
        return float(np.mean([batch[name] for batch in chosen]))

    for name, key in (("completion_chars", "min_length_share"), ("reward/coverage", "min_coverage_share")):
        fallen = _fallen(
            f"{name} of the rollouts", mean(name, batches[-window:]), mean(name, batches[:window]), key, settings
        )
        if fallen:
            return f"{fallen} at the start of the training."
    entropy = mean("entropy", batches[-window:])
    if entropy < settings.min_entropy_nats:
        return f"entropy of the rollouts fell to {entropy:.3f} nats; {_limit('min_entropy_nats', settings)}."
    silent = mean("zero_variance_groups", batches[-window:])
    if silent > settings.max_zero_variance_share:
        limit = _limit("max_zero_variance_share", settings)
        return f"zero_variance_groups rose to {silent:.2f} of the rollouts' groups; {limit}."
    return None


def caption_collapse(candidate: Sequence[str], base: Sequence[str], settings: CandidateRules) -> str | None:
    """What collapsed in a candidate's captions.

    Args:
        candidate: Its captions, one an image.
        base: The base's captions of the same images, in the same order.
        settings: Thresholds.
    """
    if not settings.enabled:
        return None
    measures: tuple[tuple[str, str, Callable[[Sequence[str]], float]], ...] = (
        ("words a caption", "min_words_share", mean_words),
        ("distinct-2 of the captions", "min_distinct_share", distinct_2),
        ("dissimilarity of the captions", "min_dissimilarity_share", lambda texts: 1 - self_similarity(texts)),
    )
    for name, key, measure in measures:
        fallen = _fallen(name, measure(candidate), measure(base), key, settings)
        if fallen:
            return f"{fallen} of the base."
    return None


def score_collapse(suites: Sequence[SuiteResult], settings: CandidateRules) -> str | None:
    """Which suite's score collapsed."""
    for result in suites if settings.enabled else ():
        fallen = _fallen(f"score on {result.suite}", result.candidate, result.base, "min_score_share", settings)
        if fallen:
            return f"{fallen} of the base."
    return None


def yield_collapse(lesson: str, kept: int, asked: int, settings: YieldRules) -> str | None:
    """Whether too little is left of a lesson to train on.

    Args:
        lesson: Whose dataset it is.
        kept: Samples in its dataset.
        asked: Critiques or edits that were asked for.
        settings: Thresholds.
    """
    if kept < settings.min_samples:
        return f"the filter left {kept} {lesson} samples of {asked}; filter.min_samples is {settings.min_samples}."
    share = kept / max(1, asked)
    if settings.enabled and share < settings.min_filter_yield:
        limit = _limit("min_filter_yield", settings)
        return f"the filter's yield fell to {share:.1%} of {asked} {lesson} samples; {limit}."
    return None


def _fallen(name: str, value: float, reference: float, key: str, settings: Rules) -> str | None:
    if value >= getattr(settings, key) * reference:
        return None
    return f"{name} fell to {value:.3g} ({_limit(key, settings)}) from {reference:.3g}"


def _limit(key: str, settings: Rules) -> str:
    return f"collapse.{key} is {getattr(settings, key):g}"


def mean_words(texts: Sequence[str]) -> float:
    """Mean number of words."""
    return float(np.mean([len(text.split()) for text in texts]))


def distinct_2(texts: Sequence[str]) -> float:
    """Distinct pairs of neighboring words among all such pairs of all texts, in [0, 1] (Li et al. 2016).

    It falls with the number of texts, so only equally many texts compare.
    """
    pairs = [pair for text in texts for pair in _word_pairs(text)]
    return len(set(pairs)) / max(1, len(pairs))


def self_similarity(texts: Sequence[str]) -> float:
    """How much two of the texts say in the same words, in [0, 1]: 1 if all are one text.

    Mean Jaccard index of the word pairs, of each text with the one half of all texts away.
    """
    sets, half = [set(_word_pairs(text)) for text in texts], len(texts) // 2
    shared = [
        len(one & sets[(i + half) % len(sets)]) / max(1, len(one | sets[(i + half) % len(sets)]))
        for i, one in enumerate(sets)
    ]
    return float(np.mean(shared))


def _word_pairs(text: str) -> list[tuple[str, str]]:
    # The ends count as words, so that a text of one word has pairs, too.
    words = ["", *text.lower().split(), ""]
    return list(pairwise(words))
