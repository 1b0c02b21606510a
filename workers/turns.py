"""One thread, and who is next on it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

_Work: TypeAlias = tuple[Future[Any], Callable[[], Any]]


class Turns:
    """Runs work on a thread of its own, one at a time: what is urgent next, the rest in order.

    Nothing is interrupted: what is urgent waits for what is under way, and for what is urgent before it.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)
        self._urgent: deque[_Work] = deque()
        self._usual: deque[_Work] = deque()

    async def run(self, work: Callable[[], T], *, urgent: bool = False) -> T:
        """Gives what `work` gives, raises what it raises. Cancelled, it is left out if it has not begun."""
        answer: Future[T] = Future()
        (self._urgent if urgent else self._usual).append((answer, work))
        self._thread.submit(self._next)
        return await asyncio.wrap_future(answer)

    def close(self) -> None:
        """What is under way, if anything, ends by itself; nobody waits for it."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        for answer, _ in [*self._urgent, *self._usual]:
            answer.cancel()

    def _next(self) -> None:
        """As often as there is work: each turn takes what is first when it comes."""
        answer, work = (self._urgent or self._usual).popleft()
        if answer.set_running_or_notify_cancel():
            try:
                answer.set_result(work())
            except BaseException as exc:  # noqa: BLE001 - whoever waits for it will raise it
                answer.set_exception(exc)
