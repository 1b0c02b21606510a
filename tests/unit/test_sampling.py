from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from stream.sampling import TOLERANCE_US, Sampler, Samplers, exact_rate, grid_point

rates = st.floats(0.05, 60).map(exact_rate)
gaps_us = st.lists(st.integers(1, 3_000_000), max_size=60)
starts_us = st.integers(0, 2_000_000_000_000_000)


def times(start_us: int, gaps: list[int]) -> list[int]:
    at_us = [start_us]
    for gap in gaps:
        at_us.append(at_us[-1] + gap)
    return at_us


@given(starts_us, gaps_us, rates)
def test_each_grid_point_takes_the_first_frame_that_follows_it(
    start_us: int, gaps: list[int], rate: Fraction
) -> None:
    frames = times(start_us, gaps)
    first_of_point: dict[int, int] = {}
    for at_us in frames:  # brute force: which grid point lies last before this frame?
        point = (Fraction(at_us + TOLERANCE_US, 1_000_000) * rate).__floor__()
        first_of_point.setdefault(point, at_us)
    sampler = Sampler(rate)
    assert [at_us for at_us in frames if sampler.take(at_us)] == list(first_of_point.values())


@given(st.integers(1, 30), st.integers(1, 30))
def test_a_steady_camera_fills_the_grid_or_gives_all_it_has(camera_fps: int, fps: int) -> None:
    sampler = Sampler(Fraction(fps))
    taken = sum(sampler.take(round(i * 1e6 / camera_fps)) for i in range(camera_fps * 10))
    assert taken == 10 * min(camera_fps, fps)


def test_times_rounded_to_the_millisecond_miss_no_point() -> None:
    sampler = Sampler(Fraction(30))
    assert all(sampler.take(round(i * 1000 / 30) * 1000) for i in range(300))


def test_rates_are_what_people_write() -> None:
    assert exact_rate(29.97) == Fraction(2997, 100)
    assert exact_rate(0.1) == Fraction(1, 10)
    assert exact_rate(0.0001) == Fraction(1, 10_000)
    assert grid_point(1_000_000_000, exact_rate(29.97)) == 29_970


def test_a_frame_is_taken_for_every_embedder_whose_grid_it_fills() -> None:
    samplers = Samplers({"slow": Fraction(1), "fast": Fraction(4)})
    taken = [samplers.take(quarter * 250_000) for quarter in range(5)]
    both, fast = frozenset({"slow", "fast"}), frozenset({"fast"})
    assert taken == [both, fast, fast, fast, both]
