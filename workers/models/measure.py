"""How long a model takes on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from statistics import median

import numpy as np

from stream.frames import Pixels
from workers.models import Model

Clock = Callable[[], float]  # seconds


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds per item, a picture or a clip: preprocessing, forward pass and the way back to memory."""

    alone_ms: float  # in batches of one
    batch: int
    batched_ms: float  # in batches of that many


def measure(
    model: Model, batch: int, rounds: int, clock: Clock, passed: Callable[[int, int], None]
) -> Timing:
    """The median of the rounds, after one that does not count. `passed` is told how many of them are over.

    Raises EmbedError.
    """
    item, over = _item(model), count(1)

    def per_item_ms(items: int) -> float:
        taken_s = []
        for _ in range(rounds + 1):  # the first finds memory, and chooses kernels
            began = clock()
            model.embed([item] * items)
            taken_s.append(clock() - began)
            passed(next(over), 2 * (rounds + 1))
        return median(taken_s[1:]) / items * 1e3

    return Timing(per_item_ms(1), batch, per_item_ms(batch))


def _item(model: Model) -> list[Pixels]:
    """Pictures as the decoder scales those of a 16:9 camera."""
    height = model.card.short_side
    noise = np.random.default_rng(0)
    shape = (height, height * 16 // 9, 3)
    return [noise.integers(0, 256, shape, dtype=np.uint8) for _ in range(model.card.frames)]
