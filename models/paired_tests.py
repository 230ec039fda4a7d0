"""Exact paired tests of "no difference" between two models on the same questions, and their correction for many.

If two models differ by chance alone, a question's gap is as likely to fall the other way: its sign may be flipped. The
sign-flip test (Fisher 1935) counts how often flipped gaps lie at least as far from zero as those that were found. It
needs no large numbers and no normal distribution. On 0/1 scores of one suite it is McNemar's exact test.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.gaps import DRAWS_AT_ONCE, Gaps

FLIPS = 10_000
"""Random flips where gaps are of several sizes, so that the smallest p is 1 / (FLIPS + 1)."""


def sign_flip_p(gaps: Gaps, seed: int) -> float:
    """Two-sided exact p of a mean gap of zero.

    Gaps of one size, such as those of 0/1 scores, are counted exactly. Otherwise ``FLIPS`` random flips are drawn and
    the found signs count as one more, so that p is never too small, however few are drawn (Phipson & Smyth 2010).

    Args:
        gaps: In points, (N,).
        seed: Of the flips.
    """
    sizes, counts = np.unique(np.round(np.abs(gaps[gaps != 0]), 9), return_counts=True)
    if len(sizes) < 2:
        return mcnemar_p(int((gaps > 0).sum()), int((gaps < 0).sum()))
    rng, at_once = np.random.default_rng(seed), max(1, DRAWS_AT_ONCE // len(sizes))
    repeated, farthest = counts > 1, abs(float(gaps.sum())) - 1e-9 * float(sizes @ counts)
    reached = 1
    for first in range(0, FLIPS, at_once):
        flips = min(at_once, FLIPS - first)
        # Of gaps of one size only the number that stay positive counts; for a single one a bit is quicker to draw.
        positive = rng.binomial(counts[repeated], 0.5, size=(flips, int(repeated.sum())))
        sums = (2 * positive - counts[repeated]) @ sizes[repeated]
        sums += 2 * (_bits(rng, flips, int((~repeated).sum())) @ sizes[~repeated]) - sizes[~repeated].sum()
        reached += int((np.abs(sums) >= farthest).sum())
    return reached / (FLIPS + 1)


def _bits(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    drawn = np.frombuffer(rng.bytes(rows * -(-columns // 8)), np.uint8).reshape(rows, -1)
    return np.unpackbits(drawn, axis=1, count=columns).astype(np.float64)


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
