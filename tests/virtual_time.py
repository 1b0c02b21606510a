"""An event loop whose clock jumps to its next timer: an hour of reconnects in a millisecond."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class JumpingSelector(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self.now += timeout
        return ready


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` in no real time. Threads do not hold this clock: use an inline executor beside it."""
    selector = JumpingSelector()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign] # that is the whole trick
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)
