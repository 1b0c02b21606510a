"""Where the demo is shown: a terminal, or whatever reads its lines."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import typer
from rich.console import Console
from rich.live import Live

from workers.demo import table
from workers.demo.board import Board


class Screen(Protocol):
    every_s: float  # between two drawings

    def opened(self) -> AbstractContextManager[object]:
        """The time in which `draw` may be called."""

    def draw(self, board: Board) -> None: ...


class Terminal:
    """A table that stays in its place."""

    every_s = 0.5

    def __init__(self, caption: str) -> None:
        self._caption = caption
        self._live = Live(console=Console(), auto_refresh=False)

    def opened(self) -> AbstractContextManager[object]:
        return self._live

    def draw(self, board: Board) -> None:
        self._live.update(table.table(board, self._caption), refresh=True)


class Plain:
    """Lines, without control codes."""

    every_s = 3.0

    def opened(self) -> AbstractContextManager[object]:
        return nullcontext()

    def draw(self, board: Board) -> None:
        if board.statuses:
            for line in table.lines(board):
                typer.echo(line)
