"""Models compared on the same questions: suite by suite, category by category, and in the mean."""

from collections.abc import Mapping, Sequence

import numpy as np

from models.statistics import Gaps, gaps_between, holm, mean_difference, paired_difference
from viper.records import AblationRow, Difference, SuiteResult
from viper.settings import GateSettings

ROLES = ("base", "champion", "candidate")


def compare(
    scores: Mapping[str, Mapping[str, Sequence[float]]],
    categories: Mapping[str, Sequence[str]],
    gate: GateSettings,
    seed: int,
) -> tuple[tuple[SuiteResult, ...], SuiteResult]:
    """Every suite's result with its categories, and their mean as if it were a suite.

    p values are adjusted over the suites, and those of categories over all categories, once for each model that the
    candidate is compared with.

    Args:
        scores: By role (``base``, ``champion``, ``candidate``), then by suite: scores in [0, 1], one a question.
        categories: By suite, one a question.
        gate: Level and number of resamples.
        seed: Of the resampling.

    Raises:
        ValueError: The roles answered different numbers of questions.
    """
    results = []
    for suite in scores["candidate"]:
        by_role = {role: scores[role][suite] for role in ROLES}
        parts = _split(by_role, categories[suite])
        inside = tuple(_result(name, part, gate, seed) for name, part in parts.items()) if len(parts) > 1 else ()
        results.append(_result(suite, by_role, gate, seed).model_copy(update={"categories": inside}))
    parts_adjusted = iter(_adjusted([part for result in results for part in result.categories]))
    adjusted = tuple(
        result.model_copy(update={"categories": tuple(next(parts_adjusted) for _ in result.categories)})
        for result in _adjusted(results)
    )
    return adjusted, _mean(adjusted, scores, gate, seed)


def _split(by_role: Mapping[str, Sequence[float]], categories: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """Scores by category, sorted by its name, then by role."""
    return {
        name: {
            role: [score for score, category in zip(found, categories, strict=True) if category == name]
            for role, found in by_role.items()
        }
        for name in sorted(set(categories))
    }


def _result(name: str, by_role: Mapping[str, Sequence[float]], gate: GateSettings, seed: int) -> SuiteResult:
    def against(role: str) -> Difference:
        return paired_difference(by_role["candidate"], by_role[role], gate.confidence, gate.resamples, seed)

    return SuiteResult(
        suite=name,
        questions=len(by_role["candidate"]),
        base=_points(by_role["base"]),
        champion=_points(by_role["champion"]),
        candidate=_points(by_role["candidate"]),
        against_base=against("base"),
        against_champion=against("champion"),
    )


def _mean(
    results: Sequence[SuiteResult],
    scores: Mapping[str, Mapping[str, Sequence[float]]],
    gate: GateSettings,
    seed: int,
) -> SuiteResult:
    def against(role: str) -> Difference:
        gaps = {suite: gaps_between(found, scores[role][suite]) for suite, found in scores["candidate"].items()}
        return mean_difference(gaps, gate.confidence, gate.resamples, seed)

    return SuiteResult(
        suite="mean",
        questions=sum(result.questions for result in results),
        base=float(np.mean([result.base for result in results])),
        champion=float(np.mean([result.champion for result in results])),
        candidate=float(np.mean([result.candidate for result in results])),
        against_base=against("base"),
        against_champion=against("champion"),
    )


def _adjusted(results: Sequence[SuiteResult]) -> list[SuiteResult]:
    """The results with their p values adjusted over all of them."""
    changes: list[dict[str, Difference]] = [{} for _ in results]
    for field in ("against_base", "against_champion"):
        found: list[Difference] = [getattr(result, field) for result in results]
        tests = [one.test for one in found if one.test]
        for change, one, test, p in zip(changes, found, tests, holm([test.p for test in tests]), strict=True):
            change[field] = one.model_copy(update={"test": test.model_copy(update={"p_adjusted": p})})
    return [result.model_copy(update=change) for result, change in zip(results, changes, strict=True)]


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

    def gaps(variant: str, other: str) -> dict[str, Gaps]:
        pairs = list(zip(scores[variant], scores[other], strict=True))
        return {
            suite: np.mean([gaps_between(one[suite], two[suite]) for one, two in pairs], axis=0)
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
