"""Models compared on the same questions: suite by suite, category by category, and in the mean."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.gaps import Scores, gaps_between
from models.paired_tests import holm
from models.statistics import paired_difference
from viper.records import Difference, SuiteResult
from viper.settings import GateRules

ROLES = ("base", "champion", "candidate")

ByRole = Mapping[str, NDArray[np.float64]]
"""By role: scores in [0, 1], one a question."""


def compare(
    scores: Mapping[str, Mapping[str, Scores]],
    categories: Mapping[str, Sequence[str]],
    gate: GateRules,
    seed: int,
) -> tuple[tuple[SuiteResult, ...], SuiteResult]:
    """Every suite's result with its categories, and their mean as if it were a suite.

    p values are adjusted over the suites, and those of categories over all categories, once for each model that the
    candidate is compared with. What the gate asks for the gain, the mean or one suite, is a question for itself.

    Args:
        scores: By role (``base``, ``champion``, ``candidate``), then by suite: scores in [0, 1], one a question.
        categories: By suite, one a question.
        gate: Level, number of resamples, and where the gain must be.
        seed: Of the resampling.

    Raises:
        ValueError: The roles answered different numbers of questions.
    """
    suites = {suite: {role: np.asarray(scores[role][suite]) for role in ROLES} for suite in scores["candidate"]}
    family = len(suites.keys() - {gate.gain_on})
    results = [
        _result(suite, [by_role], gate, seed, 1 if suite == gate.gain_on else family)
        for suite, by_role in suites.items()
    ]
    parts = {suite: _split(by_role, categories[suite]) for suite, by_role in suites.items()}
    of_parts = sum(len(found) for found in parts.values())
    inside = [_result(name, [one], gate, seed, of_parts) for found in parts.values() for name, one in found.items()]
    parts_adjusted = iter(adjusted(inside))
    whole = tuple(
        result.model_copy(update={"categories": tuple(next(parts_adjusted) for _ in parts[result.suite])})
        for result in adjusted(results, apart=gate.gain_on)
    )
    return whole, _result("mean", list(suites.values()), gate, seed, 1)


def _split(by_role: ByRole, categories: Sequence[str]) -> dict[str, ByRole]:
    """Scores by category, sorted by its name; empty if there is one only."""
    names, of = sorted(set(categories)), np.asarray(categories)
    if len(names) == 1:
        return {}
    return {name: {role: found[of == name] for role, found in by_role.items()} for name in names}


def _result(name: str, suites: Sequence[ByRole], gate: GateRules, seed: int, family: int) -> SuiteResult:
    """Of one suite or category, or of the mean over several suites."""

    def points(role: str) -> float:
        return float(np.mean([_points(by_role[role]) for by_role in suites]))

    def against(role: str) -> Difference:
        gaps = [gaps_between(by_role["candidate"], by_role[role]) for by_role in suites]
        binary = len(suites) == 1 and all(np.isin(suites[0][one], (0, 1)).all() for one in ("candidate", role))
        return paired_difference(gaps, gate, seed, binary, family)

    to_base = against("base")
    first_round = all(np.array_equal(by_role["base"], by_role["champion"]) for by_role in suites)
    return SuiteResult(
        suite=name,
        questions=sum(len(by_role["candidate"]) for by_role in suites),
        base=points("base"),
        champion=points("champion"),
        candidate=points("candidate"),
        against_base=to_base,
        against_champion=to_base if first_round else against("champion"),
    )


def adjusted(results: Sequence[SuiteResult], apart: str = "") -> list[SuiteResult]:
    """The results with their p values adjusted by Holm over all of them but the suite ``apart``."""
    together = [at for at, result in enumerate(results) if result.suite != apart]
    found = list(results)
    for field in ("against_base", "against_champion"):
        tests = [getattr(results[at], field).test for at in together]
        for at, test, p in zip(together, tests, holm([test.p for test in tests]), strict=True):
            one: Difference = getattr(results[at], field)
            changed = one.model_copy(update={"test": test.model_copy(update={"p_adjusted": p})})
            found[at] = found[at].model_copy(update={field: changed})
    return found


def _points(scores: Scores) -> float:
    return 100 * float(np.mean(scores))
