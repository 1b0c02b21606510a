"""Rolling: from sampled frames to jobs for the device, and from its answers to windows, in order.

A roll belongs to one session of one camera and one embedder. When the jobs of its oldest window are all
settled, that window comes out. Every frame is a job once, however many windows overlap, at all scales.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from stream.cards import ModelCard, space_id
from stream.config import EmbedderConfig, WindowConfig
from stream.extras import Extras
from stream.frames import US_PER_S, Frame, Session, Vector, Vectors
from stream.jobs import Job
from stream.labels import Labels
from stream.metrics import Counters, Drop, Metric
from stream.planners import Due, planner
from stream.pooling import Pooling, pool
from stream.record import Embedding, Kind
from stream.sampling import exact_rate

DEFAULT_FPS = 2  # of frame pooling: what most of the field's video search samples at


@dataclass(frozen=True, slots=True)
class Embedder:
    """A configured embedder whose model is known."""

    config: EmbedderConfig
    card: ModelCard
    labels: Labels | None = None  # what its records are to name

    @property
    def rate(self) -> Fraction:
        """Frames a second: as configured, else what gives a clip its T frames in the shortest window."""
        if self.config.fps is not None:
            return exact_rate(self.config.fps)
        if self.card.kind is Kind.FRAMES:
            return Fraction(DEFAULT_FPS)
        return exact_rate(self.card.frames / min(scale.span_s for scale in self.config.windows))

    @property
    def scales(self) -> tuple[WindowConfig, ...]:
        """As configured; where every frame is a record of its own, the step of the grid."""
        if self.pooling.how != "none" or self.card.kind is Kind.CLIP:
            return self.config.windows
        step_s = float(1 / self.rate)
        return (WindowConfig(span_s=step_s, hop_s=step_s),)

    @property
    def pooling(self) -> Pooling:
        return Pooling.of(self.config)

    @property
    def space(self) -> str:
        return space_id(self.card, str(self.pooling))


class Roll:
    """One embedder over one session of one camera. Its books balance at any moment."""

    def __init__(self, session: Session, embedder: Embedder, counters: Counters) -> None:
        self.session = session
        self.embedder = embedder
        self._counters = counters
        self._waiting: deque[Due] = deque()
        self._planner, self._scales = planner(self)
        self._extras = Extras(embedder.config.extras)
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
        vectors = np.stack([job.vector for job in jobs if job.vector is not None])
        try:
            vector = self._vector(vectors, jobs)
        except ValueError:
            self._count(Metric.WINDOWS_DROPPED, Drop.FAILED)
            return
        yield replace(
            self._embedding(each, jobs[-1], vector, found),
            motion=self._extras.motion(vectors),
            novelty=self._extras.novelty(each.window, vector),
            labels=self.embedder.labels.nearest(vector) if self.embedder.labels else None,
        )

    def _vector(self, vectors: Vectors, jobs: Sequence[Job]) -> Vector:
        if self.embedder.card.kind is Kind.CLIP:
            clip: Vector = vectors[0]
            return clip
        at_s = np.array([job.captured_at for job in jobs])
        return pool(vectors, at_s, self.embedder.pooling)

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
            decode_ms=newest.decode_ms,
            queue_ms=newest.queue_ms,
            embed_ms=newest.embed_ms,
            captured_at=newest.captured_at,
            scale=self.embedder.scales.index(window.scale),
            caption=newest.caption,
        )

    def _count(self, metric: Metric, reason: str = "", n: int = 1) -> None:
        if n:
            self._counters.add(metric, self.session.camera, self.embedder.config.name, reason, n)
