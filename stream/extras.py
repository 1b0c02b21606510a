"""What a record may tell of its window besides the vector: `extras = ["motion", "novelty"]`."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection
from typing import Any

import numpy as np

from stream.config import WindowConfig
from stream.frames import Vector, Vectors
from stream.windows import Window

PAST_WINDOWS = 64
"""That novelty remembers, of each scale: four minutes of 4 s windows, an hour of 60 s ones."""

DIGITS = 6  # float32 vectors give no more


class Extras:
    """Those that an embedder asks for, in one session; None stands for what a window does not have."""

    def __init__(self, wanted: Collection[str]) -> None:
        self._wanted = wanted
        self._past: defaultdict[WindowConfig, Past] = defaultdict(Past)

    def motion(self, vectors: Vectors) -> float | None:
        return motion(vectors) if "motion" in self._wanted else None

    def novelty(self, window: Window[Any], vector: Vector) -> float | None:
        """To be asked for each published window of the session once, in order."""
        if "novelty" not in self._wanted:
            return None
        return self._past[window.scale].novelty(window.start_us, window.end_us, vector)


def motion(vectors: Vectors) -> float | None:
    """1 - mean cosine of neighbouring frames, 0 to 2: of (N, D) unit rows in order. None of a single one."""
    if len(vectors) < 2:
        return None
    return _distance(np.einsum("nd,nd->n", vectors[:-1], vectors[1:], dtype=np.float64).mean())


class Past:
    """The last windows of one scale of which no two overlap: together they hold each moment once."""

    def __init__(self) -> None:
        self._windows: deque[tuple[int, Vector]] = deque(maxlen=PAST_WINDOWS)  # (end_us, unit vector)

    def novelty(self, start_us: int, end_us: int, vector: Vector) -> float | None:
        """1 - largest cosine to a remembered window that ended before this one began; None if there is none.

        One that overlaps it shares its frames, and would be like it whatever the camera sees.
        """
        before = [remembered for its_end_us, remembered in self._windows if its_end_us <= start_us]
        if len(before) == len(self._windows):
            self._windows.append((end_us, vector))
        return _distance((np.stack(before) @ vector).max()) if before else None


def _distance(cosine: float) -> float:
    return round(max(1 - float(cosine), 0.0), DIGITS)
