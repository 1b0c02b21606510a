"""A camera's decoder: the thread that FFmpeg runs in, and the way of its frames to the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from stream.config import CameraConfig
from stream.errors import SourceError
from stream.frames import Frame, Session
from stream.sampling import Samplers, SamplingPlan
from stream.sources.ffmpeg import Picture, Video, VideoInfo, open_video
from stream.timeline import ArrivalTimeline, FileTimeline, Timeline

HANDOFF_FRAMES = 8
"""More than the loop takes between two looks; at 2 fps it may be busy for 4 s before a frame is late."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came since the last look."""

    frames: list[Frame]
    late: Mapping[str, int]  # frames that had to go, by embedder


class Decoding(Protocol):
    """One session of a camera that is being decoded. Event loop only."""

    @property
    def info(self) -> VideoInfo | None:
        """What the source is, once it is open."""

    @property
    def decoded(self) -> int:
        """Pictures so far."""

    async def take(self) -> Delivery | None:
        """What there is, as soon as there is something; None at the end of a file.

        Raises what ended the decoder: SourceError, or a bug.
        """

    def stop(self) -> None:
        """Ask it to end; nobody waits for it."""


class Decoders(Protocol):
    """Where decoding happens."""

    def start(self, camera: CameraConfig, session: Session, plan: SamplingPlan) -> Decoding: ...


class DecoderThreads:
    """A thread of this process for each camera."""

    def __init__(self, cameras: int, now: Callable[[], float]) -> None:
        self._threads = ThreadPoolExecutor(cameras, "decoder")
        self._now = now

    def start(self, camera: CameraConfig, session: Session, plan: SamplingPlan) -> Handoff:
        loop = asyncio.get_running_loop()
        handoff = Handoff(loop)
        loop.run_in_executor(self._threads, decode, camera, session, plan, handoff, self._now)
        return handoff

    def close(self) -> None:
        """Threads that hang in FFmpeg are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Handoff:
    """Frames on their way from a decoder thread to the event loop; bounded.

    When it is full, the oldest frame of a live camera goes, and is counted; the thread of a file waits.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.info: VideoInfo | None = None
        self.decoded = 0  # pictures so far
        self._loop = loop
        self._changed = asyncio.Event()  # loop side: there is something to take
        self._condition = threading.Condition()  # guards what follows
        self._frames: deque[Frame] = deque()
        self._late: Counter[str] = Counter()
        self._error: BaseException | None = None
        self._closed = False
        self._stopped = False

    # --- decoder thread ---

    @property
    def stopped(self) -> bool:
        return self._stopped

    def opened(self, info: VideoInfo) -> None:
        self.info = info

    def put(self, frame: Frame) -> None:
        with self._condition:
            if len(self._frames) == HANDOFF_FRAMES and frame.session.live:
                self._late.update(self._frames.popleft().due)
            self._condition.wait_for(lambda: len(self._frames) < HANDOFF_FRAMES or self._stopped)
            self._frames.append(frame)
        self._notify()

    def close(self, error: BaseException | None) -> None:
        """The thread's last act."""
        with self._condition:
            self._error, self._closed = error, True
        self._notify()

    def _notify(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._changed.set)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._stopped = True

    # --- event loop ---

    def stop(self) -> None:
        """The thread ends at its next picture, or when its read times out."""
        with self._condition:
            self._stopped = True
            self._condition.notify()

    async def take(self) -> Delivery | None:
        await self._changed.wait()
        self._changed.clear()
        with self._condition:
            delivery = Delivery(list(self._frames), dict(self._late))
            self._frames.clear()
            self._late.clear()
            self._condition.notify()
            closed, error = self._closed, self._error
        if closed:
            self._changed.set()  # what follows is the end
        if delivery.frames or delivery.late or not closed:
            return delivery
        if error is not None:
            raise error
        return None


def decode(
    camera: CameraConfig, session: Session, plan: SamplingPlan, handoff: Handoff, now: Callable[[], float]
) -> None:
    """Runs in the camera's own thread until the camera ends, fails, or the handoff is stopped."""
    error: BaseException | None = None
    try:
        with open_video(camera, now) as video:
            handoff.opened(video.info)
            _sample(video, session, plan, handoff)
    except SourceError as exc:
        error = exc
    except BaseException as exc:  # noqa: BLE001 - a bug: the task that waits raises it
        error = exc
    finally:
        handoff.close(error)


def _sample(video: Video, session: Session, plan: SamplingPlan, handoff: Handoff) -> None:
    timeline: Timeline = ArrivalTimeline() if session.live else FileTimeline()
    samplers = Samplers(plan.rates)
    for picture in video.pictures():
        if handoff.stopped:
            return
        handoff.decoded += 1
        at_us = timeline.at_us(picture.pts_s, picture.arrived_at)
        due = samplers.take(at_us)
        if due:
            handoff.put(_frame(picture, session, at_us, due, plan.short_side))


def _frame(picture: Picture, session: Session, at_us: int, due: frozenset[str], short_side: int) -> Frame:
    pixels = picture.scaled(short_side)  # before `decode_ms` is read: scaling is part of it
    return Frame(session, picture.pts_s, at_us, picture.decode_ms, pixels, due)
