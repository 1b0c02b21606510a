"""From sampled frames to jobs for the device, and to the windows that wait for these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from stream.frames import Frame
from stream.jobs import Job
from stream.record import Kind
from stream.windows import Singles, Window, Windows

if TYPE_CHECKING:
    from stream.rolls import Roll

Scale: TypeAlias = Windows[Job] | Windows[Frame] | Singles[Job]


@dataclass(frozen=True, slots=True, eq=False)
class Due:
    """A window that is complete, and the jobs that it waits for."""

    window: Window[Job] | Window[Frame]
    jobs: tuple[Job, ...]
    found: int  # of the expected frames or points, those in it
    expected: int


class Planner(Protocol):
    """Turns frames into jobs and complete windows; one for each kind of embedder.

    The jobs are those that no window has to be admitted for: a frame is embedded for all windows to come,
    a clip for its own window only.
    """

    def push(self, frame: Frame, now: float) -> tuple[list[Job], list[Due]]: ...
    def finish(self, now: float) -> list[Due]: ...


class FramePlanner:
    """Frame pooling: each frame is a job; a window is the jobs of its frames."""

    def __init__(self, roll: Roll, scales: Sequence[Windows[Job] | Singles[Job]]) -> None:
        self._roll = roll
        self._scales = scales

    def push(self, frame: Frame, now: float) -> tuple[list[Job], list[Due]]:
        job = Job.of(self._roll, [frame], now)
        return [job], [_due(w) for windows in self._scales for w in windows.push(frame.at_us, job)]

    def finish(self, now: float) -> list[Due]:  # noqa: ARG002 - one interface for both kinds
        return [_due(w) for windows in self._scales for w in windows.finish()]


def _due(window: Window[Job]) -> Due:
    return Due(window, window.samples, len(window.samples), window.expected)


class ClipPlanner:
    """Clips: a window is one job, its T pictures the frames nearest to T points spread evenly over it."""

    def __init__(self, roll: Roll, scales: Sequence[Windows[Frame]]) -> None:
        self._roll = roll
        self._scales = scales
        self._points = roll.embedder.card.frames

    def push(self, frame: Frame, now: float) -> tuple[list[Job], list[Due]]:
        return [], [self._clip(w, now) for windows in self._scales for w in windows.push(frame.at_us, frame)]

    def finish(self, now: float) -> list[Due]:
        return [self._clip(w, now) for windows in self._scales for w in windows.finish()]

    def _clip(self, window: Window[Frame], now: float) -> Due:
        frames = clip(window, self._points)
        job = Job.of(self._roll, frames, now)
        return Due(window, (job,), len(set(frames)), self._points)


def clip(window: Window[Frame], points: int) -> list[Frame]:
    """T frames, in order: for the middle of each T-th of the window the nearest frame, the later of two.

    Where the window holds just the T frames of a grid made for it, each stands for its own point: a frame
    that sits on the edge between two points would else be taken twice, and its neighbour never.
    """
    frames = window.samples
    if len(frames) == points == window.expected:
        return list(frames)
    latest_first = frames[::-1]
    at_us = np.array([frame.at_us for frame in latest_first])
    step_us = (window.end_us - window.start_us) / points
    middles_us = window.start_us + (np.arange(points) + 0.5) * step_us
    return [latest_first[index] for index in np.abs(at_us - middles_us[:, None]).argmin(axis=1)]


def planner(roll: Roll) -> tuple[Planner, Sequence[Scale]]:
    scales, rate = roll.embedder.scales, roll.embedder.rate
    if roll.embedder.card.kind is Kind.CLIP:
        of_frames = [Windows[Frame](scale, rate) for scale in scales]
        return ClipPlanner(roll, of_frames), of_frames
    if roll.embedder.pooling.how == "none":
        singles = [Singles[Job](scale) for scale in scales]
        return FramePlanner(roll, singles), singles
    of_jobs = [Windows[Job](scale, rate) for scale in scales]
    return FramePlanner(roll, of_jobs), of_jobs
