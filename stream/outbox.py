"""What waits to be written, in order and bounded."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """Entries wait, go under way in batches, and are settled. Each must be hashable by identity.

    What is under way may have been written though no reply came: it stays, and comes first, until settled.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._waiting: deque[T] = deque()
        self._under_way: dict[T, None] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._under_way)

    def offer(self, entry: T) -> T | None:
        """What had to go for it: the oldest that waits, or itself where all the others are under way."""
        self._waiting.append(entry)
        return self._waiting.popleft() if len(self) > self._bound else None

    def batch(self, most: int) -> list[T]:
        """What is to be written now: what is not settled of the last batch, else the next one."""
        if not self._under_way:
            count = min(most, len(self._waiting))
            self._under_way = dict.fromkeys(self._waiting.popleft() for _ in range(count))
        return list(self._under_way)

    def settle(self, entry: T) -> None:
        """It is written, or never will be."""
        del self._under_way[entry]

    def abandon(self) -> list[T]:
        """All that is left, which then is not."""
        left = [*self._under_way, *self._waiting]
        self._under_way.clear()
        self._waiting.clear()
        return left
