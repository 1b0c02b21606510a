"""How often an endpoint may be asked, and what a day may cost. Pure."""

from __future__ import annotations

from collections.abc import Callable

from stream.config import ChatConfig
from stream.metrics import Drop
from workers.chat.messages import Uncaptioned

DAY_S = 86_400


class Budget:
    """Requests at even distances; per day of UTC at most so many, and so many tokens. Event loop only.

    It knows of this run only: a program that starts again begins anew.
    """

    def __init__(self, chat: ChatConfig, now: Callable[[], float], clock: Callable[[], float]) -> None:
        self._chat = chat
        self._now = now  # Unix seconds: which day it is
        self._clock = clock  # seconds that never step back: the distances
        self._next_at = clock()
        self._day = 0.0
        self._requests = self._tokens = 0

    def wait_s(self) -> float:
        """Until the next request may be made."""
        return max(self._next_at - self._clock(), 0.0)

    def used_up(self) -> Uncaptioned | None:
        """What is, of the day, if anything."""
        day = self._now() // DAY_S
        if day != self._day:
            self._day, self._requests, self._tokens = day, 0, 0
        limits = (
            ("requests_per_day", self._requests, self._chat.requests_per_day),
            ("tokens_per_day", self._tokens, self._chat.tokens_per_day),
        )
        for key, used, most in limits:
            if most is not None and used >= most:
                return Uncaptioned(Drop.BUDGET, f"chat.{key} = {most}: used up until 0:00 UTC")
        return None

    def request(self) -> None:
        """One is made."""
        self._requests += 1
        self._next_at = self._clock() + 60 / self._chat.per_minute

    def used(self, tokens: int) -> None:
        self._tokens += tokens

    def hold(self, wait_s: float) -> None:
        """The endpoint wants none before."""
        self._next_at = max(self._next_at, self._clock() + wait_s)
