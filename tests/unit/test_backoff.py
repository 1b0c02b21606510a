"""Waits between tries."""

from __future__ import annotations

from itertools import islice
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from stream.backoff import waits

seeds = st.integers(0, 2**32)
bounds = st.tuples(st.floats(0.01, 10), st.floats(1, 100)).map(lambda pair: (pair[0], pair[0] * pair[1]))


@given(bounds, seeds)
def test_waits_stay_within_their_bounds(bounds: tuple[float, float], seed: int) -> None:
    low_s, high_s = bounds
    assert all(low_s <= wait_s <= high_s for wait_s in islice(waits(low_s, high_s, Random(seed)), 50))


@given(seeds)
def test_waits_grow_until_they_are_in_the_upper_half(seed: int) -> None:
    tries = list(islice(waits(0.5, 10.0, Random(seed)), 30))
    assert tries[:4] == sorted(tries[:4])
    assert all(5.0 <= wait_s <= 10.0 for wait_s in tries[4:])


def test_cameras_that_are_lost_together_do_not_come_back_together() -> None:
    assert len({next(waits(0.5, 10.0, Random(camera))) for camera in range(100)}) == 100


def test_equal_bounds_give_equal_waits() -> None:
    assert set(islice(waits(2.0, 2.0, Random(1)), 10)) == {2.0}
