from __future__ import annotations

import numpy as np
import pytest

from stream.config import WindowConfig
from stream.extras import PAST_WINDOWS, Extras, Past, motion
from stream.frames import Vector
from stream.windows import Window

S = 1_000_000  # microseconds
AXES = np.eye(4, dtype=np.float32)


def window(end_s: int, span_s: float = 1) -> Window[None]:
    scale = WindowConfig(span_s=span_s, hop_s=1)
    return Window(scale, end_s, int((end_s - span_s) * S), end_s * S, 1, (None,))


def turned(degrees: float) -> Vector:
    return np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees)), 0, 0], np.float32)


def test_motion_is_the_distance_of_neighbours() -> None:
    assert motion(np.stack([turned(0), turned(60), turned(60)])) == pytest.approx(1 - (0.5 + 1) / 2)
    assert motion(np.stack([turned(30)] * 5)) == pytest.approx(0, abs=1e-6)
    assert motion(np.stack([turned(0), turned(180)])) == pytest.approx(2)


def test_a_single_frame_has_no_motion() -> None:
    assert motion(AXES[:1]) is None


def test_novelty_is_the_distance_to_what_is_nearest_in_the_past() -> None:
    past = Past()
    found = [
        past.novelty(n * S, (n + 1) * S, turned(degrees)) for n, degrees in enumerate([0, 90, 60, 0, 180])
    ]
    assert found[0] is None
    assert found[1:] == pytest.approx([1, 1 - np.cos(np.deg2rad(30)), 0, 1], abs=1e-6)


def test_a_window_is_not_compared_with_one_that_shares_its_frames() -> None:
    past = Past()
    angles = [0, 10, 20, 30, 90, 90, 90, 90, 90]  # windows of 4 s, one a second
    found = [past.novelty(n * S, (n + 4) * S, turned(angle)) for n, angle in enumerate(angles)]
    assert found[:4] == [None] * 4
    assert found[4:8] == pytest.approx([1] * 4, abs=1e-6)  # against the first, the others overlap each other
    assert found[8] == pytest.approx(0, abs=1e-6)  # against the fifth


def test_it_forgets() -> None:
    past = Past()
    past.novelty(0, S, AXES[0])
    for n in range(1, PAST_WINDOWS + 1):
        past.novelty(n * S, (n + 1) * S, AXES[1])
    after = (PAST_WINDOWS + 1) * S
    assert past.novelty(after, after + S, AXES[0]) == 1


def test_each_scale_has_its_own_past() -> None:
    extras = Extras(["novelty"])
    assert extras.novelty(window(1), AXES[0]) is None
    assert extras.novelty(window(4, span_s=2), AXES[0]) is None
    assert extras.novelty(window(6), AXES[0]) == 0


def test_what_is_not_asked_for_is_not_told() -> None:
    rows = np.stack([turned(0), turned(60)])
    extras = Extras(["motion"])
    assert extras.motion(rows) == pytest.approx(0.5)
    assert [extras.novelty(window(n), AXES[0]) for n in (1, 2, 3)] == [None] * 3
    assert Extras(["novelty"]).motion(rows) is None
