"""Waiting for a line of the log: what a program says of itself is an event that a test can wait for."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog


class Logged:
    """What was logged, by its constant text."""

    def __init__(self) -> None:
        self.lines: defaultdict[str, list[MutableMapping[str, Any]]] = defaultdict(list)
        self._news = asyncio.Event()

    def __call__(
        self, _logger: object, _level: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        self.lines[line["event"]].append(line)
        self._news.set()
        raise structlog.DropEvent

    async def wait_for(self, event: str, times: int = 1) -> None:
        while len(self.lines[event]) < times:
            self._news.clear()
            await self._news.wait()


@contextmanager
def logged() -> Iterator[Logged]:
    before = structlog.get_config()
    lines = Logged()
    structlog.configure(processors=[lines], cache_logger_on_first_use=False)
    try:
        yield lines
    finally:
        structlog.configure(**before)
