"""How far a file has been read, for a person at a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Never

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from stream.status import CameraStatus

REDRAW_S = 0.2


class _Times(ProgressColumn):
    """Media time of how much, and how many times faster than it was recorded."""

    def render(self, task: Task) -> Text:
        of = f" of {task.total:.0f}" if task.total else ""
        speed = f"  {task.completed / task.elapsed:.1f}x" if task.elapsed and task.completed else ""
        return Text(f"{task.completed:.0f}{of} s{speed}")


@contextmanager
def progress_bar(name: str) -> Iterator[Progress]:
    """Gone when it is left; without a terminal, nothing."""
    console = Console(stderr=True)
    columns = [TextColumn("{task.description}", markup=False), BarColumn(), _Times(), TimeRemainingColumn()]
    # drawn by `follow`, not by a thread of its own
    with Progress(
        *columns, console=console, auto_refresh=False, transient=True, disable=not console.is_terminal
    ) as bar:
        bar.add_task(name, total=None)
        yield bar


async def follow(bar: Progress, status: CameraStatus) -> Never:
    """Ends only when cancelled."""
    while True:
        bar.update(bar.task_ids[0], completed=status.pts_s, total=status.duration_s, refresh=True)
        await asyncio.sleep(REDRAW_S)
