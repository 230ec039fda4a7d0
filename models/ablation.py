"""Arms of an ablation compared on the same questions: intervals over questions, and over seeds."""

from collections.abc import Mapping, Sequence

import numpy as np

from models.gaps import Gaps, Scores, gaps_between
from models.measured import Measured
from models.seeds import Interval, interval_over_seeds
from models.statistics import paired_difference
from viper.records import Difference, Record
from viper.settings import GateRules


class Arm(Record):
    """A variant of a profile, at critiques of some quality."""

    variant: str
    critiques: str
    """``usual``, or how they are made worse."""
    against: str
    """Name of the arm that it is compared with."""


class AblationRow(Record):
    """One arm of an ablation, in points, over all its seeds."""

    name: str
    arm: Arm
    against_base: Difference
    """Of the mean over the suites; its interval speaks of other questions."""
    against_base_over_seeds: Interval | None = None
    """Its interval that speaks of other seeds; ``None`` of one seed."""
    difference: Difference
    """Of the mean over the suites, against the other arm."""
    difference_over_seeds: Interval | None = None
    suites: dict[str, Difference]
    """Of each suite, against the base."""
    by_seed: tuple[float, ...]
    """Mean over the suites against the base, seed by seed."""
    measured: tuple[Measured, ...] = ()
    """Critiques and edits of the first round against the truth, seed by seed; empty where it is not known."""

    @property
    def drawn_right(self) -> float | None:
        """Sentences that are right as they were drawn, in percent, in the mean over the seeds."""
        return _mean([one.sentences.before.percent for one in self.measured])

    @property
    def accepted_right(self) -> float | None:
        """Sentences that are right of those that the judge accepted, in percent, in the mean over the seeds."""
        return _mean([one.sentences.after.percent for one in self.measured])

    @property
    def named(self) -> float | None:
        """Needed corrections that accepted sentences name, in percent, in the mean over the seeds."""
        return _mean([one.needed.after.percent for one in self.measured])


class Ablation(Record):
    """Arms of one profile on the same questions."""

    seeds: tuple[int, ...]
    rows: tuple[AblationRow, ...]


def compare_arms(
    scores: Mapping[str, Sequence[Mapping[str, Sequence[float]]]],
    arms: Mapping[str, Arm],
    measured: Mapping[str, Sequence[Measured]],
    gate: GateRules,
    seed: int,
) -> tuple[AblationRow, ...]:
    """Paired differences of arms, question by question and seed by seed.

    A question's gap is averaged over the seeds first, then questions are resampled: these intervals speak of other
    questions. Those of the means seed by seed speak of other seeds. p values are those of each difference alone.

    Args:
        scores: By arm (and ``base``), then seed by seed, by suite: scores in [0, 1], one a question.
        arms: By name.
        measured: By arm, seed by seed, what its first round said against the truth; none where that is not known.
        gate: Level and number of resamples.
        seed: Of the resampling.
    """

    def gaps(arm: str, other: str) -> dict[str, Gaps]:
        pairs = list(zip(scores[arm], scores[other], strict=True))
        return {
            suite: np.mean([gaps_between(one[suite], two[suite]) for one, two in pairs], axis=0)
            for suite in pairs[0][0]
        }

    def difference(found: Mapping[str, Gaps]) -> Difference:
        return paired_difference(list(found.values()), gate, seed)

    def by_seed(arm: str, other: str) -> tuple[float, ...]:
        return tuple(_mean_gap(one, two) for one, two in zip(scores[arm], scores[other], strict=True))

    rows = []
    for name, arm in arms.items():
        to_base, gains = gaps(name, "base"), by_seed(name, "base")
        rows.append(
            AblationRow(
                name=name,
                arm=arm,
                against_base=difference(to_base),
                against_base_over_seeds=interval_over_seeds(gains, gate.confidence),
                difference=difference(gaps(name, arm.against)),
                difference_over_seeds=interval_over_seeds(by_seed(name, arm.against), gate.confidence),
                suites={suite: difference({suite: found}) for suite, found in to_base.items()},
                by_seed=gains,
                measured=tuple(measured.get(name, ())),
            )
        )
    return tuple(rows)


def _mean_gap(one: Mapping[str, Scores], two: Mapping[str, Scores]) -> float:
    return 100 * float(np.mean([float(np.mean(one[suite])) - float(np.mean(two[suite])) for suite in one]))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
