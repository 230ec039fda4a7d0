"""Paired statistics of two models on the same questions, and the gate that they feed."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from viper.records import AblationRow, Difference, SuiteResult, Verdict
from viper.settings import GateSettings


def paired_difference(
    candidate: Sequence[float], other: Sequence[float], confidence: float, resamples: int, seed: int
) -> Difference:
    """Mean difference in points with its percentile bootstrap interval; questions are resampled in pairs.

    Args:
        candidate: Scores in [0, 1], one a question.
        other: Scores of the other model on the same questions, in the same order.
        confidence: Level of the interval, in (0, 1).
        resamples: Number of bootstrap resamples.
        seed: Of the resampling.

    Raises:
        ValueError: The two are not of one length, or are empty.
    """
    if len(candidate) != len(other) or len(candidate) == 0:
        raise ValueError(f"Paired scores must be as many and at least one; found {len(candidate)} and {len(other)}.")
    gaps = 100 * (np.asarray(candidate, dtype=np.float64) - np.asarray(other, dtype=np.float64))
    means = _bootstrap_means(gaps, resamples, seed)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Difference(points=float(gaps.mean()), low=float(low), high=float(high))


def mean_difference(
    gaps_by_suite: Mapping[str, NDArray[np.float64]], confidence: float, resamples: int, seed: int
) -> Difference:
    """Difference of the unweighted mean over suites, in points; each suite is resampled on its own."""
    means = np.mean(
        [_bootstrap_means(gaps, resamples, seed + number) for number, gaps in enumerate(gaps_by_suite.values())], axis=0
    )
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    points = float(np.mean([gaps.mean() for gaps in gaps_by_suite.values()]))
    return Difference(points=points, low=float(low), high=float(high))


def _bootstrap_means(gaps: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return np.asarray([gaps[rng.integers(len(gaps), size=len(gaps))].mean() for _ in range(resamples)])


def compare(
    scores: Mapping[str, Mapping[str, Sequence[float]]], gate: GateSettings, seed: int
) -> tuple[tuple[SuiteResult, ...], SuiteResult]:
    """Every suite's result, and their mean as if it were a suite.

    Args:
        scores: By role (``base``, ``champion``, ``candidate``), then by suite: scores in [0, 1], one a question.
        gate: Level and number of resamples.
        seed: Of the resampling.
    """
    suites = list(scores["candidate"])
    results = tuple(
        SuiteResult(
            suite=suite,
            questions=len(scores["candidate"][suite]),
            base=_points(scores["base"][suite]),
            champion=_points(scores["champion"][suite]),
            candidate=_points(scores["candidate"][suite]),
            against_base=paired_difference(
                scores["candidate"][suite], scores["base"][suite], gate.confidence, gate.resamples, seed
            ),
            against_champion=paired_difference(
                scores["candidate"][suite], scores["champion"][suite], gate.confidence, gate.resamples, seed
            ),
        )
        for suite in suites
    )
    means = {role: float(np.mean([getattr(result, role) for result in results])) for role in scores}
    against = {
        role: mean_difference(
            {s: 100 * (np.asarray(scores["candidate"][s]) - np.asarray(scores[role][s])) for s in suites},
            gate.confidence,
            gate.resamples,
            seed,
        )
        for role in ("base", "champion")
    }
    mean = SuiteResult(
        suite="mean",
        questions=sum(result.questions for result in results),
        **means,
        against_base=against["base"],
        against_champion=against["champion"],
    )
    return results, mean


def compare_with_references(
    scores: Mapping[str, Sequence[Mapping[str, Sequence[float]]]],
    against: Mapping[str, str],
    gate: GateSettings,
    seed: int,
) -> tuple[AblationRow, ...]:
    """Paired differences of variants, question by question.

    A question's gap is averaged over the seeds first, then questions are resampled: the intervals speak of other
    questions, ``by_seed`` of other seeds.

    Args:
        scores: By variant (and ``base``), then seed by seed, by suite: scores in [0, 1], one a question.
        against: With which variant each is compared.
        gate: Level and number of resamples.
        seed: Of the resampling.
    """

    def gaps(variant: str, other: str) -> dict[str, NDArray[np.float64]]:
        pairs = list(zip(scores[variant], scores[other], strict=True))
        return {
            suite: np.mean([100 * (np.asarray(one[suite]) - np.asarray(two[suite])) for one, two in pairs], axis=0)
            for suite in pairs[0][0]
        }

    def mean_gap(one: Mapping[str, Sequence[float]], two: Mapping[str, Sequence[float]]) -> float:
        return float(np.mean([_points(one[suite]) - _points(two[suite]) for suite in one]))

    rows = []
    for variant, other in against.items():
        to_base = gaps(variant, "base")
        rows.append(
            AblationRow(
                variant=variant,
                against=other,
                against_base=mean_difference(to_base, gate.confidence, gate.resamples, seed),
                difference=mean_difference(gaps(variant, other), gate.confidence, gate.resamples, seed),
                suites={
                    suite: mean_difference({suite: found}, gate.confidence, gate.resamples, seed)
                    for suite, found in to_base.items()
                },
                by_seed=tuple(mean_gap(one, base) for one, base in zip(scores[variant], scores["base"], strict=True)),
            )
        )
    return tuple(rows)


def _points(scores: Sequence[float]) -> float:
    return 100 * float(np.mean(scores))


def decide(suites: tuple[SuiteResult, ...], mean: SuiteResult, length_share: float, gate: GateSettings) -> Verdict:
    """Promote, keep the champion, or call a collapse.

    Args:
        suites: The candidate's results.
        mean: Their mean.
        length_share: Mean length of the candidate's captions, as a share of the base's.
        gate: Margins.
    """
    if length_share < gate.min_reply_length_share:
        limit = f"{gate.min_reply_length_share:.0%}"
        reason = f"Captions shrank to {length_share:.0%} of the base's length; {limit} is the limit."
        return Verdict(decision="collapse", reason=reason, suites=suites, mean=mean)
    gain = mean.against_champion
    lost = [result for result in suites if result.against_champion.points < -gate.margin_points]
    if lost:
        named = ", ".join(f"{result.suite} {result.against_champion.points:+.1f}" for result in lost)
        reason = f"Lost more than {gate.margin_points:g} points on {named}; the mean changed by {gain.points:+.1f}."
        return Verdict(decision="keep champion", reason=reason, suites=suites, mean=mean)
    interval = f"{gain.points:+.1f} points, {gate.confidence:.0%} interval {gain.low:+.1f} to {gain.high:+.1f}"
    if gain.low <= 0:
        reason = f"No certain gain over the champion ({interval})."
        return Verdict(decision="keep champion", reason=reason, suites=suites, mean=mean)
    return Verdict(decision="promote", reason=f"Sees better than the champion ({interval}).", suites=suites, mean=mean)
