"""How often the gate promotes, keeps and refuses, by simulation of rounds whose truth is known.

python -m tests.gate_table [--rounds 2000]        prints the table of deployments/results/gate.md; takes minutes

Seven suites of 0/1 scores. The champion has 60 % right; a stated share of answers changes, and the true difference says
how many more of them become right than wrong. Every round goes through the gate's own tests, adjustment and decision;
intervals and power lines, which decide nothing, are left out.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from models.comparison import adjusted
from models.gaps import Gaps, gaps_between, pooled
from models.gate import decide
from models.paired_tests import paired_test
from viper.records import Difference, SuiteResult, Verdict
from viper.settings import GateSettings

SIZES = {
    "200 each": (200,) * 7,
    "1,000 each": (1000,) * 7,
    "the benchmarks'": (1500, 765, 23609, 1901, 217, 166, 1894),
}
"""Units a suite. The benchmarks' are MMStar, RealWorldQA, MME-RealWorld, BLINK, Mantis-Eval, HallusionBench by its
sets, and about what CRPE asks of relations. The score of one of HallusionBench's sets is graded; here it is 0 or 1, and
changes more at a time, so that the table is cautious about it."""
TRUTHS = {
    "no gain": (0.0,) * 7,
    "+1 on all": (1.0,) * 7,
    "+3 on all": (3.0,) * 7,
    "+1 on the first": (1.0, *(0.0,) * 6),
    "+3 on the first": (3.0, *(0.0,) * 6),
    "-2 on the first": (-2.0, *(0.0,) * 6),
    "-2 on the first, +2 on the others": (-2.0, *(2.0,) * 6),
}
"""True differences of the suites, in points."""
CHANGED = (0.1, 0.2)
"""Shares of answers that are right in one model and wrong in the other."""
RIGHT = 0.6
GATE = GateSettings()
Scores = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Of a champion and of a candidate on the same questions."""
OUTCOMES = ("promoted", "kept", "refused: a suite lost")


@dataclass(frozen=True)
class Cell:
    """Rounds of one kind."""

    sizes: str
    changed: float
    truth: str

    def rates(self, rounds: int, seed: int = 0) -> dict[str, float]:
        """The share of rounds that ended in each of ``OUTCOMES``."""
        rng = np.random.default_rng(seed)
        found = Counter(self._outcome(rng, number) for number in range(rounds))
        return {outcome: found[outcome] / rounds for outcome in OUTCOMES}

    def _outcome(self, rng: np.random.Generator, seed: int) -> str:
        verdict = judge(self.draw(rng), seed)
        if verdict.decision == "promote":
            return "promoted"
        return "refused: a suite lost" if verdict.reason.startswith("Lost") else "kept"

    def draw(self, rng: np.random.Generator) -> dict[str, Scores]:
        """A champion's and a candidate's scores on every suite."""
        truths = zip(SIZES[self.sizes], TRUTHS[self.truth], strict=True)
        return {str(suite): answers(rng, size, self.changed, points) for suite, (size, points) in enumerate(truths)}


def judge(scores: dict[str, Scores], seed: int) -> Verdict:
    """The gate's verdict, without what is only shown."""
    gaps = {suite: gaps_between(candidate, champion) for suite, (champion, candidate) in scores.items()}
    rows = adjusted([_row(suite, [found], seed) for suite, found in gaps.items()])
    return decide(tuple(rows), _row("mean", list(gaps.values()), seed), None, GATE)


def _row(name: str, suites: list[Gaps], seed: int) -> SuiteResult:
    gaps = pooled(suites)
    found = Difference(points=float(gaps.mean()), low=0, high=0, test=paired_test(gaps, len(suites) == 1, seed))
    return SuiteResult(
        suite=name, questions=len(gaps), base=0, champion=0, candidate=0, against_base=found, against_champion=found
    )


def answers(rng: np.random.Generator, size: int, changed: float, points: float) -> Scores:
    """Scores of a champion and of a candidate on ``size`` questions, the candidate truly ``points`` better."""
    up, down = (changed + points / 100) / 2, (changed - points / 100) / 2
    kinds = rng.multinomial(size, [up, down, RIGHT - down, 1 - RIGHT - up])
    return np.repeat([0.0, 1.0, 1.0, 0.0], kinds), np.repeat([1.0, 0.0, 1.0, 0.0], kinds)


def cells() -> list[Cell]:
    """Every row of the table."""
    return [Cell(sizes, changed, truth) for sizes, changed, truth in product(SIZES, CHANGED, TRUTHS)]


def as_markdown(found: Sequence[tuple[Cell, dict[str, float]]]) -> str:
    """The README's table."""
    head = ["questions", "answers that changed", "true difference", *OUTCOMES]
    lines = [f"| {' | '.join(head)} |", "|---|---:|---|---:|---:|---:|"]
    for cell, rates in found:
        shares = [f"{100 * rates[outcome]:.1f} %" for outcome in OUTCOMES]
        truth = cell.truth.replace("-", "−")
        lines.append(f"| {' | '.join([cell.sizes, f'{100 * cell.changed:.0f} %', truth, *shares])} |")
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2000, help="simulated rounds a cell")
    rounds = parser.parse_args().rounds
    with ProcessPoolExecutor() as workers:
        found = list(workers.map(Cell.rates, cells(), [rounds] * len(cells())))
    print(as_markdown(list(zip(cells(), found, strict=True))))


if __name__ == "__main__":
    main()
