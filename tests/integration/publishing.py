"""A publisher at work on a real server, and the books it must leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from stream.config import RedisConfig
from stream.connection import connect
from stream.metrics import Counters, Drop, Metric
from stream.publisher import Publisher
from tests.logged import Logged, logged
from tests.records import T0, embedding

STORY_S = 30.0  # both cores may be busy
TIMEOUT_S = 0.4  # after which an answer is given up: so that a hanging server takes no long


def tell(story: Coroutine[Any, Any, None]) -> None:
    """Runs it, with a bound."""

    async def bounded() -> None:
        async with asyncio.timeout(STORY_S):
            await story

    asyncio.run(bounded())


@dataclass
class Work:
    publisher: Publisher
    counters: Counters
    log: Logged
    client: redis.asyncio.Redis  # the test's own, to the server itself
    running: asyncio.Task[Any]

    def offer(self, *numbers: int, **changes: Any) -> None:
        for number in numbers:
            self.publisher.offer(embedding(number, **changes))

    async def finish(self, drain_s: float = 10.0) -> None:
        """Afterwards everything is written or given up."""
        self.running.cancel()
        await asyncio.wait([self.running])
        await self.publisher.drain(drain_s)

    @property
    def published(self) -> int:
        return self.counters.total(Metric.WINDOWS_PUBLISHED)

    def dropped(self, reason: Drop) -> int:
        return self.counters.by_reason(Metric.WINDOWS_DROPPED).get(reason, 0)

    @property
    def in_the_books(self) -> int:
        """Equal to what was offered, at any moment."""
        return self.published + self.counters.total(Metric.WINDOWS_DROPPED) + len(self.publisher)

    async def redis_lost(self) -> None:
        await self.log.wait_for("redis lost")

    async def redis_back(self) -> None:
        await self.log.wait_for("redis is back")

    async def events(self, kind: str) -> list[dict[str, str]]:
        entries: Any = await self.client.xrange("livevec:events")
        told = [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in entries]
        return [event for event in told if event["kind"] == kind]


@asynccontextmanager
async def working(url: str, *, direct: str = "", **config: Any) -> AsyncIterator[Work]:
    """A publisher that runs. `direct` is the server's own URL, where `url` leads through a proxy."""
    counters, settings = Counters(), RedisConfig(url=url, **config)
    own_settings = RedisConfig(url=direct or url)
    async with (
        connect(settings, timeout_s=TIMEOUT_S) as client,
        connect(own_settings) as own,
        asyncio.TaskGroup() as tasks,
    ):
        publisher = Publisher(settings, counters, client, lambda: T0)
        with logged() as log:
            running = tasks.create_task(publisher.run())
            try:
                yield Work(publisher, counters, log, own, running)
            finally:
                running.cancel()
