"""The order of a session's presentation times: what is late, and what is a jump of the camera's clock."""

from __future__ import annotations

from stream.config import CameraConfig
from stream.errors import Code
from stream.sources.errors import failure

LEAP_S = 10.0
"""From one picture to the next, a live PTS may run ahead of the arrival of its packets by this much."""

REORDER_S = 1.0
"""A picture this little before the last is only late: 16 frames, all that H.264 may reorder, at 16 fps."""

NO_PICTURE_S = 30.0
"""A live camera that sends packets and no picture for so long is given up. Key frames 20 s apart exist."""


class Continuity:
    """Judges each picture of one session by its PTS and by when its packet arrived."""

    def __init__(self, camera: CameraConfig, *, live: bool, opened_at: float) -> None:
        self._camera = camera
        self._live = live
        self._pts_s: float | None = None  # of the last picture in order
        self._arrived_at = opened_at

    @property
    def started(self) -> bool:
        return self._pts_s is not None

    def accept(self, pts_s: float, arrived_at: float) -> bool:
        """Whether the picture is in order; False for a late one. Raises SourceError where the clock jumps."""
        step_s = 0.0 if self._pts_s is None else pts_s - self._pts_s
        waited_s = arrived_at - self._arrived_at
        if step_s < -REORDER_S or (self._live and self.started and step_s > waited_s + LEAP_S):
            raise failure(
                self._camera, Code.CLOCK_JUMP, f"the time of its pictures jumped by {step_s:+.1f} s"
            )
        if step_s < 0:
            return False
        self._pts_s, self._arrived_at = pts_s, arrived_at
        return True

    def check_alive(self, arrived_at: float) -> None:
        """To be called with each packet. Raises SourceError when they have made no picture for too long."""
        if self._live and arrived_at - self._arrived_at > NO_PICTURE_S:
            text = f"its packets have made no whole picture for {NO_PICTURE_S:.0f} s"
            raise failure(self._camera, Code.INVALID_STREAM, text)
