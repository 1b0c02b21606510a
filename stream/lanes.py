"""What waits for the device: bounded, fair between cameras, shed at its old end."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator

from stream.jobs import Job


class Lane:
    """The waiting jobs of one embedder, by camera.

    Jobs of live cameras share one bound. When it is reached, the oldest job of the live camera that has most
    waiting goes. Jobs of files never go: whoever reads a file asks `has_room` first.
    """

    def __init__(self, per_camera: int, live_cameras: int) -> None:
        self._per_camera = per_camera
        self._bound = per_camera * max(live_cameras, 1)
        self._waiting: OrderedDict[str, deque[Job]] = OrderedDict()  # first in turn stands first
        self._live = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def has_room(self, camera: str) -> bool:
        return len(self._waiting.get(camera, ())) < self._per_camera

    def put(self, job: Job) -> Job | None:
        """Let a job wait. Returns the job that had to go for it, for the caller to count."""
        shed = self._shed() if job.live and self._live >= self._bound else None
        self._waiting.setdefault(job.camera, deque()).append(job)
        self._live += job.live
        return shed

    def take(self, most: int) -> list[Job]:
        """Up to `most` jobs: one of each camera in turn, the oldest first."""
        batch: list[Job] = []
        while self._waiting and len(batch) < most:
            camera, jobs = self._waiting.popitem(last=False)
            batch.append(jobs.popleft())
            if jobs:
                self._waiting[camera] = jobs
        self._live -= sum(job.live for job in batch)
        return batch

    def clear(self) -> Iterator[Job]:
        """Everything that waits, at the end of the program."""
        while batch := self.take(1):
            yield from batch

    def _shed(self) -> Job:
        """Take out the oldest job of the live camera that has most waiting."""
        live = [jobs for jobs in self._waiting.values() if jobs[0].live]
        longest = max(live, key=len)
        job = longest.popleft()
        self._live -= 1
        if not longest:
            del self._waiting[job.camera]
        return job
