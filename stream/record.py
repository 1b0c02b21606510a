"""The record on the wire, version 1: one window's embedding as the fields of a Redis stream entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from stream.errors import LivevecError
from stream.frames import Clock, Vector

VERSION = "1"


class Kind(StrEnum):
    """How an embedder sees a window."""

    FRAMES = "frames"  # an image model on each sampled frame, pooled
    CLIP = "clip"  # a video model on T frames at once


class InvalidRecord(LivevecError):
    """A stream entry that is not a record of a version known here."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """One window of one camera as seen by one embedder."""

    camera: str
    embedder: str
    kind: Kind
    model: str
    weights: str  # `random` if untrained
    space: str  # 12 hex digits; vectors of different spaces are never compared
    vector: Vector
    start: float  # Unix seconds; the window is (start, end]
    end: float
    span_s: float
    hop_s: float
    frames: int  # used
    coverage: float  # share of the expected frames that were used, 0 to 1
    session: int
    window: int  # hops from the session's first window
    clock: Clock
    decode_ms: float
    queue_ms: float
    embed_ms: float
    captured_at: float  # of the newest frame, Unix seconds; on the wire only within `age_ms`
    age_ms: float = 0.0  # published - captured, of the newest frame; set when it is written
