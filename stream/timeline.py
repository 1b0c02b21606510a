"""From a camera's media clock to Unix time."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from stream.errors import Code, SourceError
from stream.frames import US_PER_S

MEMORY_S = 30.0  # a delay that was the least for this long is the path's own, not a moment's luck
SLEW = 5e-4  # crystals drift by up to 100 ppm: five times that follows them, and hides the jitter
STEP_BACK_S = 1.0  # this machine's clock may be slewed by NTP, but not set back by more within a session


class Timeline(Protocol):
    """Camera time (microseconds, `Frame.at_us`) of each frame of a session; it only grows."""

    def at_us(self, pts_s: float, arrived_at: float) -> int: ...


class FileTimeline:
    """A file's camera time is its PTS."""

    def at_us(self, pts_s: float, arrived_at: float) -> int:  # noqa: ARG002 - one interface for both
        return round(pts_s * US_PER_S)


class ArrivalTimeline:
    """Unix time from the arrival of frames.

    The frame that was least delayed in the last 30 s tells the offset of the two clocks. It falls at once,
    when a frame comes with less delay than was thought possible, and rises slowly, as a crystal drifts.
    """

    def __init__(self) -> None:
        self._least: deque[tuple[float, float]] = deque()  # (pts_s, offset_s), growing
        self._offset_s: float | None = None
        self._last_pts_s = 0.0
        self._last_us = -1
        self._last_arrived_at = 0.0

    def at_us(self, pts_s: float, arrived_at: float) -> int:
        """Raises SourceError when this machine's own clock is set back: the session cannot go on."""
        if arrived_at < self._last_arrived_at - STEP_BACK_S:
            raise SourceError(Code.CLOCK_JUMP, "this machine's clock was set back; a new session follows")
        self._last_arrived_at = arrived_at
        offset_s = self._follow(pts_s, self._least_offset(pts_s, arrived_at - pts_s))
        self._last_us = max(self._last_us + 1, round((pts_s + offset_s) * US_PER_S))
        return self._last_us

    def _least_offset(self, pts_s: float, offset_s: float) -> float:
        while self._least and self._least[-1][1] >= offset_s:
            self._least.pop()
        self._least.append((pts_s, offset_s))
        while self._least[0][0] < pts_s - MEMORY_S:
            self._least.popleft()
        return self._least[0][1]

    def _follow(self, pts_s: float, least_s: float) -> float:
        if self._offset_s is None or least_s <= self._offset_s:
            self._offset_s = least_s
        else:
            self._offset_s = min(least_s, self._offset_s + SLEW * (pts_s - self._last_pts_s))
        self._last_pts_s = pts_s
        return self._offset_s
