"""What travels from a camera to a model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""(H, W, 3) uint8, RGB."""

Vector: TypeAlias = npt.NDArray[np.float32]
"""(D,) float32; a row of a model's output. Unit length unless said otherwise."""

Vectors: TypeAlias = npt.NDArray[np.float32]
"""(N, D) float32."""

US_PER_S = 1_000_000


class Clock(StrEnum):
    """Where `captured_at` comes from."""

    RTCP = "rtcp"  # the camera's own wall clock, by RTCP sender reports (RFC 3550, 6.4.1)
    ARRIVAL = "arrival"  # when the packet arrived here
    FILE = "file"  # `starts_at` of the configuration plus the file's own PTS


@dataclass(frozen=True, slots=True)
class Session:
    """One connection to a camera. Times of different sessions are never compared."""

    camera: str
    number: int  # grows by one at every reconnect, and across restarts
    clock: Clock
    origin_s: float = 0.0  # Unix seconds at camera time 0: `starts_at` of a file, 0 of a live camera

    @property
    def live(self) -> bool:
        """A live camera cannot wait; a file can."""
        return self.clock is not Clock.FILE


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture, scaled for the embedders."""

    session: Session
    pts_s: float  # presentation time on the source's own clock, seconds
    at_us: int  # camera time, the axis of grids and windows: `captured_at` less `origin_s`, microseconds
    decode_ms: float  # decoding and scaling of this frame, wall time
    pixels: Pixels
    due: frozenset[str]  # the embedders whose grid this frame fills

    @property
    def captured_at(self) -> float:
        """Unix seconds."""
        return self.session.origin_s + self.at_us / US_PER_S
