"""Settings of the proof: held-out benchmarks, the gate before a new champion, and what counts as a collapse."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from viper.settings.section import Count, Place, Section, Share, Text


class BenchmarkSettings(Section):
    """Held-out evaluation."""

    suites: tuple[Text, ...] = Field(strict=False)
    """Suites by name, in the order of the report."""
    folder: Place
    """Folder or ``s3://`` prefix of the suites' files (``NAME.tsv``, or parquet in a folder ``NAME``), or ``hub:`` for
    the Hugging Face hub. ``shapes:`` makes the suites of the embedded world, ``shapes:held-out`` others that no setting
    was tuned on."""
    limit: int = Field(default=0, ge=0)
    """Questions a suite at most; 0 takes all. One that is asked in several rows counts them, and is taken whole."""
    batch: Count = 16
    """Questions a generation pass."""
    shard_questions: Count = 500
    """Questions a shard: the unit of loss, and how many questions' decoded images are in memory at once."""
    max_new_tokens: Count = 64
    """Longest reply, in tokens."""

    @model_validator(mode="after")
    def _names_each_suite_once(self) -> Self:
        if not self.suites:
            raise ValueError("suites is empty. Name at least one suite.")
        twice = sorted({suite for suite in self.suites if self.suites.count(suite) > 1})
        if twice:
            raise ValueError(f"suites names {', '.join(map(repr, twice))} more than once. Name each suite once.")
        return self


class GateRules(Section):
    """What the gate decides by: a certain gain, and no suite lost (rule and its rates: ``models.gate``)."""

    margin_points: float = Field(default=1.0, ge=0)
    """A suite is lost if it falls by more than this and the fall is certain: its exact p, adjusted for the number of
    suites, is at most 1 - ``confidence``. One lost suite keeps the champion."""
    gain_on: str = "mean"
    """Where the gain must be certain, its exact p at most 1 - ``confidence``: ``mean`` over the suites, or a suite."""
    min_changed: Count = 10
    """Questions, of those that ``gain_on`` looks at, whose score must be another than the champion's before anything is
    promoted."""
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    """Level of the intervals, of the tests and of the power line; below 0.5 a gain is more likely chance than not. A
    higher one promotes less often by chance, and lets a lost suite pass more often."""
    resamples: Count = 2000
    """Bootstrap resamples of the intervals."""


class GateSettings(GateRules):
    """When a candidate becomes champion: by the gate's rules and, if that is wanted, with a person's word."""

    approval: bool = False
    """True lets a round wait before its promotion until a person approves or rejects the candidate (``viper champion
    approve``, or Resume in the Prefect UI). It decides the promotion and no result."""


class CollapseSettings(Section):
    """When data, training or captions count as collapsed, whatever the reward says (measures: ``models.collapse``).

    A collapse ends the round with that verdict, leaves the champion as it is and stops the evolution.
    """

    enabled: bool = True
    """Off trains and judges whatever the figures say (an ablation)."""
    min_filter_yield: Share = 0.05
    """Samples in a lesson's dataset, as a share of the critiques or edits that were asked for. A lesson with fewer is
    left out of the round; where all lessons are, that is a collapse."""
    window_prompts: Count = 90
    """A training's figures are averaged over whole rollout batches with at least this many prompts before they are
    judged. The first such window is what later ones are compared with."""
    min_length_share: Share = 0.5
    """Characters of the rollouts, as a share of those in the first window."""
    min_coverage_share: Share = 0.5
    """Coverage of the ground truth by the rollouts, as a share of that in the first window."""
    min_entropy_nats: float = Field(default=0.02, ge=0)
    """Mean entropy of the next token over the rollouts."""
    max_zero_variance_share: Share = 0.9
    """Share of groups whose rollouts all earn the same, so that nothing can be learned from them."""
    min_words_share: Share = 0.5
    """Words of the candidate's captions, as a share of the base's on the same images."""
    min_distinct_share: Share = 0.5
    """Distinct-2 of the candidate's captions, as a share of the base's."""
    min_dissimilarity_share: Share = 0.5
    """1 - self-similarity of the candidate's captions, as a share of the base's."""
    min_score_share: Share = 0.5
    """Score of any suite, captions' among them, as a share of the base's."""
