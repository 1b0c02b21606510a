"""The order of a session's pictures: late ones, jumps of the clock, and packets that make no picture."""

from __future__ import annotations

import pytest

from stream.config import CameraConfig
from stream.errors import Code, SourceError
from stream.sources.continuity import LEAP_S, NO_PICTURE_S, REORDER_S, Continuity

CAMERA = CameraConfig(id="dock-3", url="rtsp://viewer:hunter2@camera.example/live")
FILE = CameraConfig(id="tape", url="tape.mp4")


def live() -> Continuity:
    return Continuity(CAMERA, live=True, opened_at=1000.0)


def file() -> Continuity:
    return Continuity(FILE, live=False, opened_at=1000.0)


def test_pictures_in_order_are_accepted_wherever_the_clock_starts() -> None:
    continuity = live()
    assert [continuity.accept(pts_s, 1000.0 + k) for k, pts_s in enumerate([-3600.0, -3599.0, -3598.5])] == [
        True
    ] * 3


def test_a_picture_that_is_only_late_is_left_out() -> None:
    continuity = live()
    assert [continuity.accept(pts_s, 1000.0) for pts_s in (5.0, 5.0 - REORDER_S, 5.04)] == [True, False, True]


@pytest.mark.parametrize("continuity", [live(), file()])
def test_times_that_run_backwards_end_the_session(continuity: Continuity) -> None:
    continuity.accept(500.0, 1000.0)
    with pytest.raises(SourceError, match=r"jumped by -300\.0 s") as jump:
        continuity.accept(200.0, 1000.04)
    assert jump.value.code is Code.CLOCK_JUMP


def test_a_live_clock_that_leaps_ahead_of_the_arrivals_ends_the_session() -> None:
    continuity = live()
    continuity.accept(0.0, 1000.0)
    with pytest.raises(SourceError, match="dock-3") as jump:
        continuity.accept(LEAP_S + 1.1, 1001.0)
    assert jump.value.code is Code.CLOCK_JUMP
    assert not jump.value.final
    assert "hunter2" not in str(jump.value)


def test_a_live_gap_in_which_time_passed_is_only_a_gap() -> None:
    continuity = live()
    continuity.accept(0.0, 1000.0)
    assert continuity.accept(3600.0, 4600.0)


def test_a_crystal_that_drifts_by_minutes_in_a_month_is_no_jump() -> None:
    continuity = live()
    hours = range(24 * 30)
    assert all(continuity.accept(hour * 3600.3, 1000.0 + hour * 3600.0) for hour in hours)


def test_a_gap_in_a_file_is_only_a_gap() -> None:
    continuity = file()
    continuity.accept(0.0, 1000.0)
    assert continuity.accept(7200.0, 1000.001)


def test_a_camera_whose_packets_make_no_picture_is_given_up_in_the_end() -> None:
    continuity = live()
    continuity.accept(0.0, 1010.0)
    continuity.check_alive(1010.0 + NO_PICTURE_S)
    with pytest.raises(SourceError) as given_up:
        continuity.check_alive(1010.1 + NO_PICTURE_S)
    assert given_up.value.code is Code.INVALID_STREAM


def test_a_file_takes_as_long_as_it_takes() -> None:
    file().check_alive(1_000_000.0)
