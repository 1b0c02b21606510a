"""What the world is told of each camera: the JSON under its id in the hash `livevec:cameras`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    CONNECTING = "connecting"
    LIVE = "live"  # frames are coming
    WAITING = "waiting"  # lost; the next try comes in `retry_in_s`
    REJECTED = "rejected"  # another try with this configuration cannot help
    FINISHED = "finished"  # a file, at its end
    STOPPED = "stopped"  # the program has ended


@dataclass(slots=True)
class CameraStatus:
    """Of one camera, now. Counts are since the start of the program."""

    id: str
    url: str  # without its secrets
    state: State = State.CONNECTING
    session: int = 0
    since: float = 0.0  # Unix seconds of the last change of state
    code: str = ""  # why it is lost or rejected: `stream.errors.Code`
    reason: str = ""
    retry_in_s: float = 0.0
    codec: str = ""
    width: int = 0
    height: int = 0
    fps_in: float = 0.0  # decoded, over the last second
    pts_s: float = 0.0  # of the newest sampled frame
    duration_s: float | None = None  # of a file
    connects: int = 0
    windows: int = 0  # published
    frame_drops: dict[str, int] = field(default_factory=dict)  # by reason
    window_drops: dict[str, int] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        return asdict(self)
