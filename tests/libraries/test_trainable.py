"""What every training has: checkpoints between rollout batches, the rate, the order of the rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.grpo import whole_batches
from models.trainable import draw_order, rate_share


@given(st.integers(1, 1000), st.integers(1, 12))
def test_checkpoints_lie_between_rollout_batches(steps: int, updates: int) -> None:
    assert whole_batches(steps, updates) % updates == 0
    assert steps <= whole_batches(steps, updates) < steps + updates


@given(st.integers(1, 300), st.integers(0, 50))
def test_the_rate_rises_to_its_peak_and_falls_to_a_tenth(steps: int, warmup: int) -> None:
    shares = [rate_share(step, steps, warmup) for step in range(steps)]
    assert all(0 < share <= 1 for share in shares)
    assert shares[:warmup] == sorted(shares[:warmup])
    assert shares[warmup:] == sorted(shares[warmup:], reverse=True)
    if steps > warmup + 1:
        assert shares[warmup] == 1
        assert shares[-1] == pytest.approx(0.1)


@given(st.integers(1, 40), st.integers(1, 200), st.integers(0, 5))
def test_all_rows_are_used_equally_often(rows: int, needed: int, seed: int) -> None:
    order = draw_order(rows, needed, seed)
    counts = np.bincount(order, minlength=rows)
    assert len(order) == needed
    assert counts.max() - counts.min() <= 1
    assert order == draw_order(rows, needed, seed)
