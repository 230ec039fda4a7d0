"""Exact paired tests of "no difference" between two models on the same questions, and their correction for many.

If two models differ by chance alone, a question's gap is as likely to fall the other way: its sign may be flipped. The
sign-flip test (Fisher 1935) counts how often flipped gaps lie at least as far from zero as those that were found. It
needs no large numbers and no normal distribution. On 0/1 scores of one suite it is McNemar's exact test.

What it cannot see, as no test of few answers can, are rare large losses that happen to be missing among many small
gains of graded scores. Where 12 % of the answers gain 10 points and 2 % lose 60, so that nothing is gained, a rise is
called certain in 5 % of rounds on 450 questions and in 11 % on 80, in place of 2.5 %.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.gaps import DRAWS_AT_ONCE, Gaps
from viper.records import PairedTest

FLIPS = 10_000
"""Random flips where there are more ways than this."""


def paired_test(gaps: Gaps, binary: bool, seed: int) -> PairedTest:
    """Whether chance explains the gaps: the test alone, not adjusted, without its power.

    Args:
        gaps: In points, (N,).
        binary: Whether all scores are 0 or 1.
        seed: Of the flips.
    """
    p = sign_flip_p(gaps, seed)
    won, lost = int((gaps > 0).sum()), int((gaps < 0).sum())
    return PairedTest(name="McNemar" if binary else "sign flip", won=won, lost=lost, p=p, p_adjusted=p)


def sign_flip_p(gaps: Gaps, seed: int) -> float:
    """Two-sided exact p of a mean gap of zero.

    Gaps of one size, such as those of 0/1 scores, are counted exactly, and so are up to ``FLIPS`` ways. Of more ways
    ``FLIPS`` are drawn, and the found signs count as one more: p is never too small, however few are drawn (Phipson &
    Smyth 2010), and at least 1 / (FLIPS + 1).

    Args:
        gaps: In points, (N,).
        seed: Of the flips.
    """
    changed = np.abs(gaps[gaps != 0])
    sizes, counts = np.unique(np.round(changed, 9), return_counts=True)
    if len(sizes) < 2:
        return mcnemar_p(int((gaps > 0).sum()), int((gaps < 0).sum()))
    farthest = abs(float(gaps.sum())) - 1e-9 * float(changed.sum())  # what is as far but for rounding is as far
    if len(changed) <= math.log2(FLIPS):
        ways = np.arange(2 ** len(changed))[:, None] >> np.arange(len(changed)) & 1
        return float(np.mean(np.abs(2 * ways @ changed - changed.sum()) >= farthest))
    rng, at_once = np.random.default_rng(seed), max(1, DRAWS_AT_ONCE // len(sizes))
    reached = 1
    for first in range(0, FLIPS, at_once):
        sums = _flipped_sums(sizes, counts, min(at_once, FLIPS - first), rng)
        reached += int((np.abs(sums) >= farthest).sum())
    return reached / (FLIPS + 1)


def _flipped_sums(sizes: Gaps, counts: NDArray[np.int64], flips: int, rng: np.random.Generator) -> Gaps:
    """Sums of gaps whose signs are drawn, (flips,). Of several gaps of one size only the number that rise is drawn."""
    several, single = counts > 1, counts == 1
    up = rng.binomial(counts[several], 0.5, size=(flips, int(several.sum())))
    width = int(single.sum())
    drawn = np.frombuffer(rng.bytes(flips * -(-width // 8)), np.uint8).reshape(flips, -1)
    bits = np.unpackbits(drawn, axis=1, count=width).astype(np.float64)  # a bit is quicker to draw than a binomial
    return np.asarray(2 * (up @ sizes[several] + bits @ sizes[single]) - counts @ sizes)


def mcnemar_p(won: int, lost: int) -> float:
    """Two-sided exact p of a fair coin between the questions won and those lost (McNemar 1947; Liddell 1976).

    Args:
        won: Questions that the candidate alone has right.
        lost: Questions that the other alone has right.
    """
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(won, lost), won + lost, 0.5))) if won + lost else 1.0


def holm(ps: Sequence[float]) -> list[float]:
    """P values adjusted so that the chance of any false find among them keeps the level (Holm 1979).

    Sorted, the i-th smallest of m (from 0) is multiplied by m - i, and never falls below an earlier one.
    """
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, at in enumerate(sorted(range(len(ps)), key=lambda at: ps[at])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[at]))
        adjusted[at] = highest
    return adjusted


def p_text(p: float) -> str:
    """A p value as people read it: ``0.0312``, ``<0.001``."""
    return "<0.001" if p < 0.001 else f"{p:.3g}"
