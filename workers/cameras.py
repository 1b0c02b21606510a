"""One camera: its sessions, one after the other, and what the world is told of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from stream.backoff import waits
from stream.config import CameraConfig, ReconnectConfig
from stream.errors import SourceError
from stream.frames import Clock, Session
from stream.sampling import SamplingPlan
from stream.sources.ffmpeg import VideoInfo
from stream.status import CameraStatus, State
from stream.urls import is_live, redact
from workers.decoder import Decoders, Decoding, Delivery

log = structlog.get_logger()


class Events(Protocol):
    """Where what happened is told, for everyone to read."""

    def __call__(self, kind: str, camera: str = "", **facts: str | float) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all cameras share."""

    decoders: Decoders
    plan: SamplingPlan
    reconnect: ReconnectConfig
    event: Events
    now: Callable[[], float]  # Unix seconds


class Camera:
    """Keeps count of a camera's sessions and tries. Its failures stay here: a state, an event, a wait."""

    def __init__(self, config: CameraConfig, around: Surroundings, *, last_session: int = 0) -> None:
        self.config = config
        self.live = is_live(config.url)
        self.status = CameraStatus(config.id, redact(config.url), session=last_session, since=around.now())
        self._around = around
        self._session_used = True  # the last one, in an earlier run
        self._decoded = 0  # in the sessions that have ended
        self._decoding: Decoding | None = None
        self._waits = self._new_waits()

    @property
    def decoded(self) -> int:
        """Pictures decoded since the start of the program."""
        return self._decoded + (self._decoding.decoded if self._decoding else 0)

    def next_session(self) -> Session:
        """A try that brought no frame does not use up its number."""
        if self._session_used:
            self.status.session, self._session_used = self.status.session + 1, False
        self._change(State.CONNECTING)
        if self.live:
            return Session(self.config.id, self.status.session, Clock.ARRIVAL)
        return Session(self.config.id, self.status.session, Clock.FILE, self.config.starts_at)

    @contextmanager
    def decoding(self, session: Session) -> Iterator[Decoding]:
        """Runs the decoder. Leaving asks it to end and does not wait for it."""
        decoding = self._decoding = self._around.decoders.start(self.config, session, self._around.plan)
        try:
            yield decoding
        finally:
            decoding.stop()
            self._decoded += decoding.decoded
            self._decoding = None

    def delivered(self, decoding: Decoding, delivery: Delivery) -> None:
        """The first frames of a session make the camera live."""
        if not delivery.frames:
            return
        if self.status.state is State.CONNECTING and decoding.info is not None:
            self._connected(decoding.info)
        self.status.pts_s = delivery.frames[-1].pts_s

    def _connected(self, info: VideoInfo) -> None:
        status = self.status
        status.codec, status.width, status.height = info.codec, info.width, info.height
        status.duration_s = info.duration_s
        status.connects += 1
        self._session_used = True
        self._waits = self._new_waits()
        self._change(State.LIVE)
        self._tell("connected", session=status.session, codec=info.codec, size=f"{info.width}x{info.height}")

    def finished(self) -> None:
        self._change(State.FINISHED)
        self._tell("finished", session=self.status.session)

    async def may_retry(self, error: SourceError) -> bool:
        """Waits until the next try is due; False, at once, where another try cannot help."""
        if error.final:
            self._change(State.REJECTED, error)
            self._tell("rejected", code=error.code, reason=str(error))
            return False
        self.status.retry_in_s = next(self._waits)
        self._change(State.WAITING, error)
        self._tell("lost", code=error.code, reason=str(error), retry_in_s=round(self.status.retry_in_s, 1))
        await asyncio.sleep(self.status.retry_in_s)
        return True

    def stopped(self) -> None:
        """The program ends."""
        if self.status.state not in {State.FINISHED, State.REJECTED}:
            self._change(State.STOPPED)

    def _change(self, state: State, error: SourceError | None = None) -> None:
        self.status.state, self.status.since = state, self._around.now()
        self.status.code = error.code if error else ""
        self.status.reason = str(error) if error else ""

    def _tell(self, kind: str, **facts: str | float) -> None:
        log.info(kind, camera=self.config.id, **facts)
        self._around.event(kind, self.config.id, **facts)

    def _new_waits(self) -> Iterator[float]:
        return waits(self._around.reconnect.min_s, self._around.reconnect.max_s, random.Random())
