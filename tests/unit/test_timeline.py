from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import Code, SourceError
from stream.timeline import ArrivalTimeline, FileTimeline

EPOCH = 1_790_000_000.0


def drifting(ppm: float, *, hours: float, fps: float = 5.0, jitter_s: float = 0.08) -> list[float]:
    """The errors, in seconds, with a camera whose crystal is off by `ppm` and a network that jitters."""
    rng, timeline, errors = random.Random(1), ArrivalTimeline(), []
    for n in range(int(hours * 3600 * fps)):
        true_s = n / fps
        pts_s = true_s * (1 + ppm * 1e-6)
        arrived_at = EPOCH + true_s + 0.02 + rng.expovariate(1 / jitter_s)
        errors.append(timeline.at_us(pts_s, arrived_at) / 1e6 - (EPOCH + true_s))
    return errors


@pytest.mark.parametrize("ppm", [-100, 0, 100])
def test_a_drifting_crystal_is_followed(ppm: float) -> None:
    settled = drifting(ppm, hours=6)[5 * 60 :]
    assert max(map(abs, settled)) < 0.05


@given(st.lists(st.tuples(st.floats(0.001, 2), st.floats(0, 3)), min_size=2, max_size=60))
def test_it_never_steps_back(steps: list[tuple[float, float]]) -> None:
    timeline, pts_s, arrived_at, last = ArrivalTimeline(), 0.0, EPOCH, -1
    for gap_s, delay_s in steps:
        pts_s += gap_s
        arrived_at = max(arrived_at, EPOCH + pts_s + delay_s)
        at_us = timeline.at_us(pts_s, arrived_at)
        assert at_us > last
        assert at_us / 1e6 <= arrived_at + len(steps) * 1e-6  # nothing was captured after it arrived
        last = at_us


def test_a_burst_at_the_start_does_not_shift_what_follows() -> None:
    timeline = ArrivalTimeline()
    for n in range(50):  # a server sends its last two seconds at once
        timeline.at_us(n / 25, EPOCH)
    later_us = [timeline.at_us(n / 25, EPOCH + (n - 49) / 25) for n in range(50, 200)]
    assert later_us[-1] / 1e6 == pytest.approx(EPOCH + 150 / 25, abs=0.001)


def test_a_clock_set_back_ends_the_session() -> None:
    timeline = ArrivalTimeline()
    timeline.at_us(0.0, EPOCH)
    with pytest.raises(SourceError) as caught:
        timeline.at_us(0.04, EPOCH - 3600)
    assert caught.value.code is Code.CLOCK_JUMP
    assert not caught.value.final


def test_a_file_has_its_own_time() -> None:
    assert FileTimeline().at_us(1.5, arrived_at=EPOCH) == 1_500_000
