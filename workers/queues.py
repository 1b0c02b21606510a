"""Between the cameras and the device: what waits, whose turn it is, and whether there is room."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from stream.jobs import Job
from stream.lanes import Lane
from stream.rolls import Embedder


class DeviceQueue:
    """The lanes of one device. While it works jobs gather; the next batch is what waits, without a timer."""

    def __init__(self, lanes: Mapping[str, tuple[Embedder, Lane]]) -> None:
        self._lanes = dict(lanes)  # by embedder; the one whose turn it is stands first
        self._work = asyncio.Event()
        self._room = asyncio.Event()

    def __len__(self) -> int:
        return sum(len(lane) for _, lane in self._lanes.values())

    async def room(self, embedder: str, camera: str) -> None:
        """Ends when a file's next job may wait without another having to go."""
        lane = self._lanes[embedder][1]
        while not lane.has_room(camera):
            self._room.clear()
            await self._room.wait()

    def put(self, job: Job) -> Job | None:
        """Returns the job that had to go for this one."""
        shed = self._lanes[job.roll.embedder.config.name][1].put(job)
        self._work.set()
        return shed

    async def next_batch(self) -> tuple[Embedder, list[Job]]:
        """The jobs of one embedder, as soon as any wait."""
        await self.work()
        return self.take()

    async def work(self) -> None:
        """Ends when something waits."""
        while not len(self):
            self._work.clear()
            await self._work.wait()

    def take(self, most: int | None = None) -> tuple[Embedder, list[Job]]:
        """Up to `most` jobs, else a batch, of one embedder: they take turns. Something must wait.

        A shadow's turn comes when no other has any: the others wait for one batch of it at most, and when the
        device cannot keep up, it is the shadow's lane that fills and sheds.
        """
        waiting = [pair for pair in self._lanes.values() if len(pair[1])]
        embedder, lane = min(waiting, key=lambda pair: pair[0].config.shadow)  # the first of its kind
        name = embedder.config.name
        self._lanes[name] = self._lanes.pop(name)  # to the end of the turn
        batch = lane.take(most or embedder.config.max_batch)
        self._room.set()
        return embedder, batch

    def clear(self) -> list[Job]:
        """Everything that waits, at the end of the program."""
        return [job for _, lane in self._lanes.values() for job in lane.clear()]
