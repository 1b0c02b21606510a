"""The one place that names what is counted, and the books that must balance.

sampled = embedded + dropped by reason + in flight          (frames, per camera and embedder)
due     = published + dropped by reason + in flight         (windows, per camera and embedder)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from enum import StrEnum


class Metric(StrEnum):
    """Counters, each by camera, embedder and (for drops) reason. Names follow Prometheus' conventions."""

    FRAMES_DECODED = "frames_decoded_total"  # by camera
    FRAMES_SAMPLED = "frames_sampled_total"
    FRAMES_EMBEDDED = "frames_embedded_total"
    FRAMES_DROPPED = "frames_dropped_total"
    WINDOWS_DUE = "windows_due_total"
    WINDOWS_PUBLISHED = "windows_published_total"
    WINDOWS_DROPPED = "windows_dropped_total"
    EVENTS_DROPPED = "events_dropped_total"
    SESSIONS = "sessions_total"  # connections made, by camera


class Drop(StrEnum):
    """Why something was dropped."""

    LATE = "late"  # the service did not take it from the decoder in time
    SHED = "shed"  # the device could not keep up; the oldest of the camera with most waiting went
    FAILED = "failed"  # the model failed on it
    COVERAGE = "coverage"  # too few of the window's frames are there
    BUFFER = "buffer"  # Redis was away for longer than the buffer holds
    REFUSED = "refused"  # Redis will never take it (wrong type of key, no permission)
    SHUTDOWN = "shutdown"  # the program ended first
    # of a captioning endpoint:
    TIMEOUT = "timeout"  # no answer in time
    UNAVAILABLE = "unavailable"  # not reached, 5xx, a redirect
    LIMITED = "limited"  # 429: it asks for fewer requests
    UNAUTHORIZED = "unauthorized"  # 401, 403: the key is wrong; it is not asked again
    CONTENT = "content"  # it will not speak of these pictures
    INVALID = "invalid"  # it refused the request, or its answer is no caption
    BUDGET = "budget"  # the day's requests or tokens are used up


class Counters:
    """Counts by camera and (metric, embedder, reason). Event loop only."""

    def __init__(self) -> None:
        self._cameras: defaultdict[str, Counter[tuple[Metric, str, str]]] = defaultdict(Counter)

    def add(self, metric: Metric, camera: str, embedder: str = "", reason: str = "", n: int = 1) -> None:
        self._cameras[camera][metric, embedder, reason] += n

    def total(self, metric: Metric, camera: str | None = None, embedder: str | None = None) -> int:
        """The sum over whatever is not named."""
        return sum(
            count
            for counts in self._of(camera)
            for (name, its_embedder, _), count in counts.items()
            if name is metric and embedder in (None, its_embedder)
        )

    def by_reason(self, metric: Metric, camera: str | None = None) -> dict[str, int]:
        reasons: Counter[str] = Counter()
        for counts in self._of(camera):
            for (name, _, reason), count in counts.items():
                if name is metric:
                    reasons[reason] += count
        return dict(reasons)

    def _of(self, camera: str | None) -> Iterable[Counter[tuple[Metric, str, str]]]:
        if camera is None:
            return self._cameras.values()
        return [self._cameras[camera]] if camera in self._cameras else []
