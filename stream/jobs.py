"""What the device is asked for, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.frames import Frame, Pixels, Vector
from stream.metrics import Drop

if TYPE_CHECKING:
    from stream.rolls import Roll


@dataclass(slots=True, eq=False)
class Job:
    """One item of a batch: a frame, or the T pictures of a clip. It is settled once: embedded or dropped."""

    roll: Roll  # to be told when it is settled
    pictures: tuple[Pixels, ...]  # given up when the job is settled: windows keep it for longer
    queued_at: float  # Unix seconds
    captured_at: float  # of the newest picture, as is
    decode_ms: float
    vector: Vector | None = None
    drop: Drop | None = None
    queue_ms: float = 0.0
    embed_ms: float = 0.0
    caption: str | None = None

    @classmethod
    def of(cls, roll: Roll, frames: Sequence[Frame], now: float) -> Job:
        """`frames` in order, at least one."""
        pictures = tuple(frame.pixels for frame in frames)
        return cls(roll, pictures, now, frames[-1].captured_at, frames[-1].decode_ms)

    @property
    def camera(self) -> str:
        return self.roll.session.camera

    @property
    def live(self) -> bool:
        """A job of a live camera may be shed; one of a file waits."""
        return self.roll.session.live

    @property
    def settled(self) -> bool:
        return self.vector is not None or self.drop is not None

    def embedded(self, vector: Vector, *, started_at: float, embed_ms: float) -> None:
        """`started_at` (Unix seconds) and `embed_ms` are those of the whole batch."""
        self.vector = vector
        self.queue_ms = max(started_at - self.queued_at, 0.0) * 1e3
        self.embed_ms = embed_ms
        self.pictures = ()

    def captioned(self, caption: str, vector: Vector, *, started_at: float, embed_ms: float) -> None:
        """`vector` is the caption's, (0,) where it has none."""
        self.caption = caption
        self.embedded(vector, started_at=started_at, embed_ms=embed_ms)

    def dropped(self, reason: Drop) -> None:
        self.drop = reason
        self.pictures = ()
