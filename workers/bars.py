"""Bars for what takes its time, for a person at a terminal; without one, nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

Tell = Callable[[str, int, int | None], None]
"""A name, how much of it is done, and of how much, if that is known. From any thread."""


@contextmanager
def bar_of_bytes() -> Iterator[Tell]:
    with _bars(DownloadColumn(), TransferSpeedColumn()) as tell:
        yield tell


@contextmanager
def bar_of_rounds() -> Iterator[Tell]:
    with _bars(MofNCompleteColumn()) as tell:
        yield tell


@contextmanager
def _bars(*figures: ProgressColumn) -> Iterator[Tell]:
    """One for each name; gone when it is left. Drawn when something is told, not by a thread of its own."""
    console = Console(stderr=True)
    columns = [TextColumn("{task.description}", markup=False), BarColumn(), *figures, TimeRemainingColumn()]
    with Progress(
        *columns, console=console, auto_refresh=False, transient=True, disable=not console.is_terminal
    ) as bars:

        def tell(name: str, done: int, of: int | None) -> None:
            known = {task.description: task.id for task in bars.tasks}
            task = known[name] if name in known else bars.add_task(name, total=of)
            bars.update(task, completed=done, total=of, refresh=True)

        yield tell
