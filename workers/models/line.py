"""The line to the network: whether it may be used, and who is told how much has come through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from tqdm import tqdm

Watcher = Callable[[str, int, int | None], None]
"""Told a file's name, the bytes of it that are here, and all its bytes if they are known."""


def _nobody(_name: str, _here: int, _of: int | None) -> None: ...


@dataclass(frozen=True, slots=True)
class _Line:
    open: bool = True
    watcher: Watcher = _nobody


_USUAL = _Line()
_LINE: ContextVar[_Line] = ContextVar("line")


def is_open() -> bool:
    return _LINE.get(_USUAL).open


def tell(name: str, here: int, of: int | None) -> None:
    _LINE.get(_USUAL).watcher(name, here, of)


def bar() -> type[tqdm] | None:
    """What the hub's client is to draw with: nothing, where somebody watches; else its own way."""
    return _Told if _LINE.get(_USUAL).watcher is not _nobody else None


@contextmanager
def closed() -> Iterator[None]:
    """Within, weights are taken from packages and caches only."""
    with _set(_Line(open=False)):
        yield


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Within, `watcher` is told of every piece that is fetched. It may be called from another thread."""
    with _set(_Line(watcher=watcher)):
        yield


@contextmanager
def _set(line: _Line) -> Iterator[None]:
    before = _LINE.set(line)
    try:
        yield
    finally:
        _LINE.reset(before)


class _Told(tqdm):  # type: ignore[misc] # tqdm ships no types
    """A bar that is not drawn. It keeps its watcher: the hub's client moves some bars from its own thread."""

    monitor_interval = 0  # no thread of its own

    def __init__(self, *, desc: str, total: float | None = None, initial: int = 0, **_: object) -> None:
        super().__init__(disable=True, total=total, initial=initial)
        self._watcher, self._name, self._here = _LINE.get(_USUAL).watcher, desc, initial
        self.update(0)

    def update(self, n: float | None = 1) -> None:
        self._here += int(n or 0)
        self._watcher(self._name, self._here, None if self.total is None else int(self.total))
