"""How tasks run beside each other, and how they are made to end."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any, Never


async def until(stop: asyncio.Event, work: Coroutine[Any, Any, Any]) -> None:
    """Runs `work` to its end, or cancels it when `stop` is set. Raises what `work` raises."""
    try:
        async with asyncio.TaskGroup() as tasks:
            working, stopping = tasks.create_task(work), tasks.create_task(stop.wait())
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            stopping.cancel()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None  # of the two, only `work` can fail


async def beside(work: Coroutine[Any, Any, None], others: Collection[Coroutine[Any, Any, Never]]) -> None:
    """Runs `work` to its end, and the others for as long."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(other) for other in others]
        await work
        for each in running:
            each.cancel()
