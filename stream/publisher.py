"""Publishes windows, cameras' states and events to Redis, and outlives its absence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Never

import redis.asyncio
import structlog

from stream.appender import Appender, Fate, Outcome
from stream.backoff import waits
from stream.config import RedisConfig
from stream.connection import RedisFailure, Verdict, classify, reason
from stream.entries import Entry, Event, Window
from stream.metrics import Counters, Drop, Metric
from stream.outbox import Outbox
from stream.reader import cameras
from stream.record import Embedding, stream_key

log = structlog.get_logger()

BATCH = 256  # records of 3 kB: under a megabyte, and some milliseconds of the server's time
EVENTS_WAITING = 1_000  # a few hundred bytes each
EVENTS_KEPT = 10_000
RETRY_MIN_S = 0.1
RETRY_MAX_S = 1.5  # publishing again at most 2 s after Redis answers


class Publisher:
    """Event loop only. `offered == published + dropped + len(publisher)`, at any moment."""

    def __init__(
        self, config: RedisConfig, counters: Counters, client: redis.asyncio.Redis, now: Callable[[], float]
    ) -> None:
        self._config = config
        self._counters = counters
        self._redis = client
        self._now = now
        self._windows: Outbox[Entry] = Outbox(config.buffer)
        self._events: Outbox[Entry] = Outbox(EVENTS_WAITING)
        self._window_appender = Appender(client, config.maxlen, now)
        self._event_appender = Appender(client, EVENTS_KEPT, now)
        self._states: dict[str, str] = {}
        self._states_waiting: set[str] = set()
        self._refusing: set[str] = set()  # keys
        self._away_since: float | None = None
        self._something_waits = asyncio.Event()
        self._taken = asyncio.Event()

    def __len__(self) -> int:
        """Windows in flight."""
        return len(self._windows)

    def offer(self, embedding: Embedding) -> None:
        """Takes it, without waiting. Where the buffer is full, the oldest goes and is counted."""
        key = stream_key(self._config.prefix, embedding.camera, embedding.embedder)
        gone = self._windows.offer(Window(key, embedding))
        if gone is not None:
            self._drop(gone, Drop.BUFFER)
        self._something_waits.set()

    async def room(self) -> None:
        """Ends when a window may be offered without another having to go. For files, which can wait."""
        while len(self) >= self._config.buffer:
            self._taken.clear()
            await self._taken.wait()

    def event(self, kind: str, camera: str = "", **facts: object) -> None:
        """Where a thousand wait, the oldest goes and is counted."""
        what = {"kind": kind, "camera": camera, **{name: str(value) for name, value in facts.items()}}
        gone = self._events.offer(Event(f"{self._config.prefix}:events", camera, self._now(), what))
        if gone is not None:
            self._drop(gone, Drop.BUFFER)
        self._something_waits.set()

    def set_camera(self, camera: str, state: Mapping[str, Any]) -> None:
        """The latest state wins; one that was not written yet is not written."""
        self._states[camera] = json.dumps(state)
        self._states_waiting.add(camera)
        self._something_waits.set()

    async def last_sessions(self) -> dict[str, int]:
        """The number of each camera's last session, as an earlier run left it. Raises RedisError."""
        states = await cameras(self._redis, prefix=self._config.prefix)
        return {camera: int(state.get("session", 0)) for camera, state in states.items()}

    async def run(self) -> Never:
        """Ends only when cancelled."""
        while True:
            await self._something_waits.wait()
            self._something_waits.clear()
            await self._write_all()

    async def drain(self, timeout_s: float) -> None:
        """When `run` has ended: writes what waits; what is left after `timeout_s` is counted as dropped."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._write_all()
        except TimeoutError:
            log.warning("redis did not take everything in time", windows=len(self))
        for entry in self._windows.abandon():
            self._drop(entry, Drop.SHUTDOWN)

    async def _write_all(self) -> None:
        """Ends when nothing waits, however long that takes."""
        pauses = waits(RETRY_MIN_S, RETRY_MAX_S, Random())
        while self._states_waiting or self._events or self._windows:
            try:
                await self._write_states()
                await self._write(self._events, self._event_appender)
                await self._write(self._windows, self._window_appender)
            except RedisFailure as error:
                self._lost(error)
                await self._redis.connection_pool.disconnect()  # a name may lead to another server now
                await asyncio.sleep(next(pauses))
            else:
                self._answered()
                pauses = waits(RETRY_MIN_S, RETRY_MAX_S, Random())

    async def _write(self, outbox: Outbox[Entry], appender: Appender) -> None:
        batch = outbox.batch(BATCH)
        if not batch:
            return
        for entry, outcome in zip(batch, await appender.write(batch), strict=True):
            if outcome.fate is not Fate.AGAIN:
                outbox.settle(entry)
                self._settled(entry, outcome)
                self._taken.set()

    def _settled(self, entry: Entry, outcome: Outcome) -> None:
        if outcome.fate is Fate.REFUSED:
            self._refused(entry, outcome.why)
            return
        self._refusing.discard(entry.key)
        if isinstance(entry, Window):
            self._counters.add(Metric.WINDOWS_PUBLISHED, entry.embedding.camera, entry.embedding.embedder)

    def _refused(self, entry: Entry, why: str) -> None:
        """Counted each time, told once for a run of refusals."""
        self._drop(entry, Drop.REFUSED)
        if self._is_news(entry.key, why) and isinstance(entry, Window):
            embedding = entry.embedding
            self.event("refused", embedding.camera, embedder=embedding.embedder, reason=why)

    def _is_news(self, key: str, why: str) -> bool:
        """Whether it is the first of a run of refusals; then it is logged."""
        if key in self._refusing:
            return False
        self._refusing.add(key)
        log.warning("redis refuses", key=key, reason=why)
        return True

    def _drop(self, entry: Entry, why: Drop) -> None:
        if isinstance(entry, Window):
            embedding = entry.embedding
            self._counters.add(Metric.WINDOWS_DROPPED, embedding.camera, embedding.embedder, why)
        else:
            self._counters.add(Metric.EVENTS_DROPPED, entry.camera, reason=why)

    async def _write_states(self) -> None:
        changed: dict[Any, Any] = {camera: self._states[camera] for camera in self._states_waiting}
        if not changed:
            return
        key = f"{self._config.prefix}:cameras"
        try:
            await self._redis.hset(key, mapping=changed)
            self._refusing.discard(key)
        except redis.ResponseError as error:
            if classify(error) is Verdict.RETRY:
                raise
            self._is_news(key, reason(error))
        self._states_waiting -= {camera for camera, state in changed.items() if self._states[camera] == state}

    def _lost(self, error: Exception) -> None:
        """Told once; what happens meanwhile is written when Redis is back."""
        if self._away_since is None:
            self._away_since = self._now()
            log.warning("redis lost", reason=reason(error))
            self.event("redis_lost", reason=reason(error))

    def _answered(self) -> None:
        """Told once. The states are written again: Redis may have come back without them."""
        if self._away_since is not None:
            away_s = self._now() - self._away_since
            self._away_since = None
            log.info("redis is back", away_s=round(away_s, 1))
            self.event("redis_back", away_s=round(away_s, 1))
            self._states_waiting.update(self._states)
