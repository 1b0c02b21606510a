"""How tasks run beside each other, and how they are made to end."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any, Never

CANCEL_AGAIN_S = 0.1


async def until(stop: asyncio.Event, work: Coroutine[Any, Any, Any]) -> None:
    """Runs `work` to its end, or cancels it when `stop` is set. Raises what `work` raises."""
    try:
        async with asyncio.TaskGroup() as tasks:
            working, stopping = tasks.create_task(work), tasks.create_task(stop.wait())
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            await end([working, stopping])
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None  # of the two, only `work` can fail


async def beside(work: Coroutine[Any, Any, None], others: Collection[Coroutine[Any, Any, Never]]) -> None:
    """Runs `work` to its end, and the others for as long."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(other) for other in others]
        await work
        await end(running)


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancels until they have ended: redis-py loses a cancellation that comes while it ends a read's time-out
    (redis-py, issue 2551), and a task that was asked once then runs on for ever."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
