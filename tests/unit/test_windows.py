from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.config import WindowConfig
from stream.sampling import Sampler, exact_rate
from stream.windows import Singles, Window, Windows

scales = st.builds(
    WindowConfig,
    span_s=st.integers(1, 8_000).map(lambda ms: ms / 1000),
    hop_s=st.integers(20, 4_000).map(lambda ms: ms / 1000),
)
rates = st.floats(0.2, 30).map(exact_rate)
gaps_us = st.lists(st.integers(1, 1_500_000), max_size=50)


def sampled(start_us: int, gaps: list[int], rate: Fraction) -> list[int]:
    at_us, sampler, samples = start_us, Sampler(rate), []
    for gap in [0, *gaps]:
        at_us += gap
        if sampler.take(at_us):
            samples.append(at_us)
    return samples


def push_all(windows: Windows[int], samples: list[int]) -> list[Window[int]]:
    return [window for at_us in samples for window in windows.push(at_us, at_us)]


@given(st.integers(0, 10**13), gaps_us, rates, scales)
def test_windows_are_those_of_the_definition(
    start_us: int, gaps: list[int], rate: Fraction, scale: WindowConfig
) -> None:
    samples = sampled(start_us, gaps, rate)
    windows = Windows[int](scale, rate)
    found = push_all(windows, samples) + windows.finish()

    span_us, hop_us = round(scale.span_s * 1e6), round(scale.hop_s * 1e6)
    first_us = -(-samples[0] // hop_us) * hop_us
    last_us = -(-samples[-1] // hop_us) * hop_us
    ends = range(first_us, last_us + 1, hop_us)
    held = {end_us: tuple(at for at in samples if end_us - span_us < at <= end_us) for end_us in ends}

    in_time = [window for window in found if window.end_us <= last_us]
    assert {w.end_us: w.samples for w in in_time} == {end: at for end, at in held.items() if at}
    assert [w.number for w in in_time] == [(w.end_us - first_us) // hop_us for w in in_time]
    assert all(w.end_us - w.start_us == span_us and w.end_us % hop_us == 0 for w in found)
    later = [window for window in found if window.end_us > last_us]
    assert all(w.samples == tuple(at for at in samples if at > w.start_us) for w in later)


@given(gaps_us, rates, scales)
def test_every_number_is_passed_once(gaps: list[int], rate: Fraction, scale: WindowConfig) -> None:
    windows = Windows[int](scale, rate)
    numbers = [window.number for window in push_all(windows, sampled(0, gaps, rate))]
    assert numbers == sorted(set(numbers))
    assert windows.passed >= len(numbers)
    assert not numbers or numbers[-1] < windows.passed


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 10**12))
def test_a_steady_camera_gives_full_windows(span_s: int, fps: int, start_us: int) -> None:
    windows = Windows[int](WindowConfig(span_s=span_s, hop_s=1), Fraction(fps))
    sampler, samples = Sampler(Fraction(fps)), []
    for i in range(25 * 20):
        at_us = start_us + i * 40_000
        if sampler.take(at_us):
            samples.append(at_us)
    full = [w for w in push_all(windows, samples) if w.start_us >= samples[0]]
    assert full
    assert all(w.expected == span_s * fps for w in full)
    # one frame may fall on either side of a window's edge, none is lost
    assert all(abs(len(w.samples) - w.expected) <= 1 for w in full)


def test_a_window_comes_out_as_soon_as_no_frame_can_join_it() -> None:
    windows = Windows[str](WindowConfig(span_s=1, hop_s=1), Fraction(2))
    assert windows.push(100_000, "a") == []
    assert windows.push(600_000, "b") == []  # the grid point 1.0 may still find a frame right on it
    (window,) = windows.push(1_000_000, "c")
    assert window.samples == ("a", "b", "c")
    windows = Windows[str](WindowConfig(span_s=1.25, hop_s=1.25), Fraction(2))
    windows.push(100_000, "a")
    windows.push(600_000, "b")
    (window,) = windows.push(1_040_000, "c")  # the next grid point is 1.5, past the end at 1.25
    assert window.samples == ("a", "b", "c")


def test_a_gap_of_a_day_is_passed_over_in_one_step() -> None:
    windows = Windows[str](WindowConfig(span_s=1, hop_s=0.04), Fraction(25))
    windows.push(0, "before")
    found = windows.push(86_400_000_000, "after")
    assert [w.samples for w in found][-1] == ("after",)
    assert windows.passed == 86_400 * 25 + 1
    assert len(found) < 30


def test_a_file_gives_its_last_window_and_only_if_it_holds_something_new() -> None:
    windows = Windows[int](WindowConfig(span_s=4, hop_s=1), Fraction(1))
    push_all(windows, [0, 1_000_000, 2_000_000])
    assert windows.finish() == []
    push_all(windows, [3_040_000])
    (last,) = windows.finish()
    assert (last.end_us, last.samples) == (4_000_000, (1_000_000, 2_000_000, 3_040_000))


def test_time_that_runs_back_is_a_bug_of_the_caller() -> None:
    windows = Windows[str](WindowConfig(span_s=1, hop_s=1), Fraction(1))
    windows.push(1_000_000, "a")
    with pytest.raises(ValueError, match="ran back from 1000000 to 1000000"):
        windows.push(1_000_000, "b")


def test_a_single_spans_the_step_before_it() -> None:
    singles = Singles[str](WindowConfig(span_s=0.5, hop_s=0.5))
    (first,), (second,) = singles.push(1_000_000, "a"), singles.push(9_000_000, "b")
    assert (first.start_us, first.end_us, first.expected, first.samples) == (500_000, 1_000_000, 1, ("a",))
    assert (first.number, second.number, singles.passed) == (0, 1, 2)
    assert singles.finish() == []
