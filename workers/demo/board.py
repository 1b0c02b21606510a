"""What a consumer of the records knows: a row for each camera and embedder, from Redis alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from stream.record import Embedding
from stream.status import CameraStatus

KEPT_AGES = 10_000  # for the summary's percentiles: hours of a window a second


@dataclass(slots=True)
class Row:
    """One camera as one embedder sees it."""

    windows: int = 0
    newest: Embedding | None = None
    similarity: float | None = None  # cosine of the newest window with the one before it
    looks_like: str = ""
    seen_as: list[str] = field(default_factory=list)  # every `looks_like` so far, in order of appearance
    ages_ms: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_AGES))

    def age_ms(self, percent: float) -> float:
        return float(np.percentile(list(self.ages_ms), percent))


class Board:
    """Takes records and cameras' states as they are read."""

    def __init__(self, cameras: Sequence[str], embedders: Sequence[str]) -> None:
        self.rows = {camera: {embedder: Row() for embedder in embedders} for camera in cameras}
        self.statuses: dict[str, CameraStatus] = {}

    def record(self, embedding: Embedding) -> None:
        row = self.rows[embedding.camera][embedding.embedder]
        row.similarity = similarity(row.newest, embedding)
        row.looks_like = embedding.labels[0][0] if embedding.labels else ""
        if row.looks_like and row.looks_like not in row.seen_as:
            row.seen_as.append(row.looks_like)
        row.windows += 1
        row.newest = embedding
        row.ages_ms.append(embedding.age_ms)

    def is_behind(self) -> bool:
        """Whether a camera has published more than was read."""
        return any(self._windows(camera) < status.windows for camera, status in self.statuses.items())

    def _windows(self, camera: str) -> int:
        return sum(row.windows for row in self.rows[camera].values())


def similarity(before: Embedding | None, now: Embedding) -> float | None:
    """Cosine of two windows in a row; None where there is none before in this session and space."""
    if before is None or (before.session, before.space) != (now.session, now.space):
        return None
    return float(np.dot(before.vector, now.vector))
