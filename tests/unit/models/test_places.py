"""What maps of local distances say, by hand."""

import numpy as np
import pytest

from models.places import (
    LEAST_NOISE,
    Gain,
    differing,
    gain_in,
    grid_regions,
    mean_gain,
    noise_unit,
    region_of,
    residual,
    widened,
)


def map_of(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


def test_the_unit_of_noise_is_the_median_of_the_largest_differences() -> None:
    maps = [map_of([0, 0.1], [0, 0]), map_of([0.5, 0], [0, 0]), map_of([0, 0], [0.3, 0.2])]
    assert noise_unit(maps) == pytest.approx(0.3)
    # A painter without noise, or none that could be measured, still has a unit.
    assert noise_unit([map_of([0, 0])]) == noise_unit([]) == LEAST_NOISE


def test_a_correction_speaks_of_the_places_that_changed_at_least_half_as_much_as_any() -> None:
    assert region_of(map_of([0.0, 0.4], [0.5, 1.0])).tolist() == [[False, False], [True, True]]
    assert not region_of(map_of([0, 0])).any()


def test_a_gain_is_counted_in_its_region_in_units_of_noise_and_as_a_share_of_what_was_wrong() -> None:
    before, after = map_of([0.4, 0.2], [0.0, 0.9]), map_of([0.1, 0.2], [0.0, 0.0])
    region = np.array([[True, True], [False, False]])
    # Away by 0.3 on average before and by 0.15 after: 0.15 / 0.05 = 3 units, half of it explained.
    gain = gain_in(region, before, after, 0.05)
    assert (gain.closer, gain.explained) == (pytest.approx(3.0), pytest.approx(0.5))
    assert gain_in(region, after, before, 0.05).closer == pytest.approx(-3.0)
    assert gain_in(~region & region, before, after, 0.05) == Gain(0.0, 0.0)
    assert residual(before, 0.05) == pytest.approx(18.0)


def test_gains_of_several_seeds_count_by_their_mean() -> None:
    assert mean_gain([Gain(1.0, 0.5), Gain(-2.0, 0.1)]) == Gain(-0.5, pytest.approx(0.3))


def test_a_region_is_widened_to_all_sides() -> None:
    spot = np.zeros((5, 5), dtype=bool)
    spot[2, 2] = True
    assert widened(spot, 0).sum() == 1
    assert widened(spot, 1)[1:4, 1:4].all()
    assert widened(spot, 1).sum() == 9


def test_the_grid_has_nine_regions_that_share_no_place_and_leave_none() -> None:
    regions = grid_regions((7, 10), 1)
    assert len(regions) == 9
    assert (sum(part.astype(int) for part, _ in regions) == 1).all()
    assert all((seen | ~part).all() for part, seen in regions)
    # The third one ends the first row: it is at the top right.
    assert regions[2][0][0, 9]
    assert not regions[2][0][0, 0]


def test_a_region_differs_where_more_is_left_of_it_than_the_limit() -> None:
    distances = np.zeros((6, 6), dtype=np.float32)
    distances[0, 0], distances[3, 2], distances[5, 5] = 0.3, 0.31, 0.9
    # In units of 0.1: 3.0 at the top left, 3.1 in the middle, 9.0 at the bottom right.
    assert differing(distances, 0.1, 3.05) == (4, 8)
    assert differing(distances, 0.1, 10.0) == ()
