"""Rolling: from sampled frames to jobs for the device, and from its answers to windows, in order.

A roll belongs to one session of one camera and one embedder. When the jobs of its oldest window are all
settled, that window comes out. Every frame is a job once, however many windows overlap, at all scales.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from stream.cards import ModelCard, space_id
from stream.config import EmbedderConfig
from stream.frames import US_PER_S, Frame, Session, Vector
from stream.jobs import Job
from stream.metrics import Counters, Drop, Metric
from stream.pooling import pool
from stream.record import Embedding, Kind
from stream.sampling import exact_rate
from stream.windows import Window, Windows

DEFAULT_FPS = 2  # of frame pooling: what most of the field's video search samples at


@dataclass(frozen=True, slots=True)
class Embedder:
    """A configured embedder whose model is known."""

    config: EmbedderConfig
    card: ModelCard

    @property
    def rate(self) -> Fraction:
        """Frames a second: as configured, else what gives a clip its T frames in the shortest window."""
        if self.config.fps is not None:
            return exact_rate(self.config.fps)
        if self.card.kind is Kind.FRAMES:
            return Fraction(DEFAULT_FPS)
        return exact_rate(self.card.frames / min(scale.span_s for scale in self.config.windows))

    @property
    def space(self) -> str:
        return space_id(self.card, self.config.pooling)


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

    def __init__(self, roll: Roll, scales: Sequence[Windows[Job]]) -> None:
        self._roll = roll
        self._scales = scales

    def push(self, frame: Frame, now: float) -> tuple[list[Job], list[Due]]:
        job = Job(self._roll, frame, (frame.pixels,), now)
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
        job = Job(self._roll, frames[-1], tuple(frame.pixels for frame in frames), now)
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


class Roll:
    """One embedder over one session of one camera. Its books balance at any moment."""

    def __init__(self, session: Session, embedder: Embedder, counters: Counters) -> None:
        self.session = session
        self.embedder = embedder
        self._counters = counters
        self._waiting: deque[Due] = deque()
        self._planner, self._scales = _planner(self)
        self._passed = 0

    def __len__(self) -> int:
        """Windows that wait for the device."""
        return len(self._waiting)

    def push(self, frame: Frame, now: float) -> list[Job]:
        """The jobs that this frame gives the device, in order. `now` in Unix seconds."""
        if self.embedder.card.kind is Kind.FRAMES:
            self._count(Metric.FRAMES_SAMPLED)
        jobs, dues = self._planner.push(frame, now)
        return jobs + self._admit(dues)

    def finish(self, now: float) -> list[Job]:
        """At the end of a file: the jobs of its last windows."""
        return self._admit(self._planner.finish(now))

    def count(self, job: Job) -> None:
        """To be called once for each job, when it is settled."""
        if self.embedder.card.kind is Kind.CLIP:
            return
        if job.drop is None:
            self._count(Metric.FRAMES_EMBEDDED)
        else:
            self._count(Metric.FRAMES_DROPPED, job.drop)

    def ready(self) -> Iterator[Embedding]:
        """The windows that wait for nothing any more, oldest first. To be asked after each push and count."""
        while self._waiting and all(job.settled for job in self._waiting[0].jobs):
            yield from self._publishable(self._waiting.popleft())

    def _admit(self, dues: list[Due]) -> list[Job]:
        """Let wait the windows with enough coverage, count the others. Returns the clips among the former."""
        passed = sum(windows.passed for windows in self._scales) - self._passed
        self._passed += passed
        admitted = [each for each in dues if each.found / each.expected >= self.embedder.config.min_coverage]
        self._waiting.extend(sorted(admitted, key=lambda each: each.window.end_us))  # stable: scales in order
        self._count(Metric.WINDOWS_DUE, n=passed)
        self._count(Metric.WINDOWS_DROPPED, Drop.COVERAGE, passed - len(admitted))  # those of a gap included
        if self.embedder.card.kind is Kind.FRAMES:
            return []
        return [job for each in admitted for job in each.jobs]

    def _publishable(self, each: Due) -> Iterator[Embedding]:
        """The window's embedding, or nothing and a count."""
        jobs = [job for job in each.jobs if job.vector is not None]
        found = each.found - (len(each.jobs) - len(jobs))
        if not jobs or found / each.expected < self.embedder.config.min_coverage:
            reasons = [job.drop for job in each.jobs if job.drop is not None]
            self._count(Metric.WINDOWS_DROPPED, reasons[-1])
            return
        try:
            vector = self._vector(jobs)
        except ValueError:
            self._count(Metric.WINDOWS_DROPPED, Drop.FAILED)
            return
        yield self._embedding(each, jobs[-1], vector, found)

    def _vector(self, jobs: Sequence[Job]) -> Vector:
        vectors = [job.vector for job in jobs if job.vector is not None]
        if self.embedder.card.kind is Kind.CLIP:
            return vectors[0]
        return pool(np.stack(vectors), self.embedder.config.pooling)

    def _embedding(self, each: Due, newest: Job, vector: Vector, found: int) -> Embedding:
        session, config, card, window = self.session, self.embedder.config, self.embedder.card, each.window
        return Embedding(
            camera=session.camera,
            embedder=config.name,
            kind=card.kind,
            model=card.model,
            weights=card.weights,
            space=self.embedder.space,
            vector=vector,
            start=session.origin_s + window.start_us / US_PER_S,
            end=session.origin_s + window.end_us / US_PER_S,
            span_s=window.scale.span_s,
            hop_s=window.scale.hop_s,
            frames=found,
            coverage=min(found / each.expected, 1.0),
            session=session.number,
            window=window.number,
            clock=session.clock,
            decode_ms=newest.frame.decode_ms,
            queue_ms=newest.queue_ms,
            embed_ms=newest.embed_ms,
            captured_at=newest.frame.captured_at,
            scale=config.windows.index(window.scale),
        )

    def _count(self, metric: Metric, reason: str = "", n: int = 1) -> None:
        if n:
            self._counters.add(metric, self.session.camera, self.embedder.config.name, reason, n)


def _planner(roll: Roll) -> tuple[Planner, Sequence[Windows[Job]] | Sequence[Windows[Frame]]]:
    scales, rate = roll.embedder.config.windows, roll.embedder.rate
    if roll.embedder.card.kind is Kind.FRAMES:
        of_jobs = [Windows[Job](scale, rate) for scale in scales]
        return FramePlanner(roll, of_jobs), of_jobs
    of_frames = [Windows[Frame](scale, rate) for scale in scales]
    return ClipPlanner(roll, of_frames), of_frames
