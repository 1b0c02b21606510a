"""How long to wait before the next try."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random


def waits(min_s: float, max_s: float, rng: Random) -> Iterator[float]:
    """Seconds, for ever: each from a range that doubles until it is the upper half of `max_s`.

    Jittered from the first on, so that what was lost together does not come back together.
    """
    low_s = min_s
    while True:
        high_s = min(2 * low_s, max_s)
        yield rng.uniform(low_s, high_s)
        low_s = max(min_s, min(high_s, max_s / 2))
