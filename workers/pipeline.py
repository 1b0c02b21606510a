"""From cameras to embeddings. Read downwards: this is the order in which a frame meets the code.

    decoder thread             event loop                         device thread   event loop
    packets → pictures →    →  a job for each frame, or at the →  a batch of   →  a window whose
    those due on a grid →      end of a window one for its T      what waits,     jobs are settled:
    scaled down once           frames; waiting in a lane          all cameras     pooled, published

1. `_watch` keeps one camera connected. A `SourceError` is data: a state, an event, a wait, the next session.
   Any other exception is a bug and ends the program.
2. `_roll` takes the frames of one session. The decoder (`workers.decoder`) has already chosen them on the
   embedders' grids (`stream.sampling`), given them camera time (`stream.timeline`) and scaled them. Each
   embedder rolls by itself (`stream.rolls`): a frame becomes one job however many windows (`stream.windows`)
   overlap.
3. `_submit` lets jobs wait in bounded lanes (`stream.lanes`). When a lane is full, the oldest job of the live
   camera that has most waiting goes; a file waits.
4. `_embed` gives the device the next batch: what waits, all cameras together, in turn, without a timer.
   `_caption` asks an endpoint about each window of an embedder that captions (`workers.chat`): its queue is
   its own, and what is slow there holds up nothing else.
5. `_settle` tells the job's roll. The windows that waited only for it are pooled and published, in order.

The books balance at any moment (`stream.metrics`): what was sampled was embedded, was dropped for a stated
reason, or is in flight; and so for the windows that were due.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import structlog

from stream.config import Config
from stream.errors import EmbedError, SourceError
from stream.frames import Frame
from stream.jobs import Job
from stream.lanes import Lane
from stream.metrics import Counters, Drop, Metric
from stream.record import Embedding, Kind
from stream.rolls import Embedder, Roll
from stream.sampling import SamplingPlan
from stream.urls import is_live
from workers.cameras import Camera, Events, Surroundings
from workers.chat.captioner import NOBODY, Captioner
from workers.chat.messages import Uncaptioned
from workers.decoder import Decoders, Delivery
from workers.device import Device
from workers.queues import DeviceQueue
from workers.tasks import until

log = structlog.get_logger()

DRAIN_S = 2.0
"""For what is under way when the program is asked to stop: with the writing to Redis, under 5 s in all."""


async def _at_once() -> None:
    """There is always room."""


@dataclass(frozen=True, slots=True)
class Outlet:
    """What the pipeline tells the world, and what it must know of it."""

    publish: Callable[[Embedding], None]
    event: Events
    counters: Counters
    now: Callable[[], float]  # Unix seconds
    last_sessions: Mapping[str, int] = field(default_factory=dict)  # by camera, of an earlier run
    room: Callable[[], Awaitable[None]] = _at_once  # ends when a file may publish more


class Pipeline:
    """All cameras, all embedders, one device. Event loop only."""

    def __init__(
        self,
        config: Config,
        embedders: Sequence[Embedder],
        decoders: Decoders,
        device: Device,
        outlet: Outlet,
        captioners: Mapping[str, Captioner] = NOBODY,
    ) -> None:
        self.counters = outlet.counters
        self._embedders = embedders
        self._device = device
        self._publish = outlet.publish
        self._outlet_room = outlet.room
        self._now = outlet.now
        around = Surroundings(decoders, sampling_plan(embedders), config.reconnect, outlet.event, outlet.now)
        self.cameras = [
            Camera(camera, around, last_session=outlet.last_sessions.get(camera.id, 0))
            for camera in config.cameras
        ]
        waiting = lanes(config, embedders)
        self._captioners = captioners
        self._queue = DeviceQueue({name: waiting[name] for name in waiting if name not in captioners})
        self._queues = dict.fromkeys(waiting, self._queue)  # by embedder: those that caption have their own
        self._queues |= {name: DeviceQueue({name: waiting[name]}) for name in captioners}
        self._under_way: set[Job] = set()  # on the device now, or asked of an endpoint
        self._idle = asyncio.Event()  # no job waits, and none is under way
        self._idle.set()

    @property
    def jobs_in_flight(self) -> int:
        return sum(map(len, set(self._queues.values()))) + len(self._under_way)

    async def run(self, stop: asyncio.Event) -> None:
        """Ends when every camera has ended (files do, rejected cameras do), or soon after `stop` is set."""
        try:
            async with asyncio.TaskGroup() as tasks:
                embedding = tasks.create_task(self._embed_all())
                await until(stop, self._watch_all())
                await until(stop, self._idle.wait())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(DRAIN_S):
                        await self._idle.wait()
                embedding.cancel()
        finally:
            self._abandon()

    async def _watch_all(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for camera in self.cameras:
                tasks.create_task(self._watch(camera))

    async def _watch(self, camera: Camera) -> None:
        """One camera, session after session. Ends when its file has ended or another try cannot help."""
        while True:
            try:
                await self._roll(camera)
            except SourceError as error:
                if not await camera.may_retry(error):
                    return
            else:
                camera.finished()
                return

    async def _roll(self, camera: Camera) -> None:
        """One session: frames in, jobs out. Ends with a file; a live camera's end is a SourceError."""
        session = camera.next_session()
        rolls = {e.config.name: Roll(session, e, self.counters) for e in self._embedders}
        with camera.decoding(session) as decoding:
            while (delivery := await decoding.take()) is not None:
                camera.delivered(decoding, delivery)
                self._count_late(camera, delivery)
                for frame in delivery.frames:
                    await self._push(frame, rolls)
        for name, roll in rolls.items():
            await self._queues[name].room(name, camera.config.id)
            self._submit(roll, roll.finish(self._now()))

    async def _push(self, frame: Frame, rolls: Mapping[str, Roll]) -> None:
        """Live frames never wait here; those of a file do, for as long as it takes."""
        for name, roll in rolls.items():
            if name in frame.due:
                if not frame.session.live:
                    await self._outlet_room()
                    await self._queues[name].room(name, frame.session.camera)
                self._submit(roll, roll.push(frame, self._now()))

    def _submit(self, roll: Roll, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self._idle.clear()
            shed = self._queues[roll.embedder.config.name].put(job)
            if shed is not None:
                shed.dropped(Drop.SHED)
                self._settle(shed)
        self._publish_ready(roll)  # the last window may have waited for this frame's time only

    def _count_late(self, camera: Camera, delivery: Delivery) -> None:
        """Frames that the loop was too late for: they never were in a roll, but they were sampled."""
        for embedder in self._embedders:
            name, late = embedder.config.name, delivery.late.get(embedder.config.name, 0)
            if late and embedder.card.kind is Kind.FRAMES:
                self.counters.add(Metric.FRAMES_SAMPLED, camera.config.id, name, n=late)
                self.counters.add(Metric.FRAMES_DROPPED, camera.config.id, name, Drop.LATE, n=late)

    async def _embed_all(self) -> None:
        """What waits for the device, and what waits for endpoints. Ends only when cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._embed())
            for name, captioner in self._captioners.items():
                tasks.create_task(self._caption(captioner, self._queues[name]))

    async def _embed(self) -> None:
        """Batch after batch. Ends only when cancelled."""
        while True:
            embedder, batch = await self._queue.next_batch()
            self._under_way.update(batch)
            await self._answer(embedder.config.name, batch)
            self._answered(batch)

    async def _caption(self, captioner: Captioner, queue: DeviceQueue) -> None:
        """Window after window, several under way, as its endpoint may be asked. Ends only when cancelled."""
        async with asyncio.TaskGroup() as requests:
            while True:
                await queue.work()
                refused = await captioner.turn()  # meanwhile what waits may give way to what is newer
                _, (job,) = queue.take(1)
                self._under_way.add(job)
                if refused is None:
                    requests.create_task(self._ask(captioner, job))
                else:
                    job.dropped(refused.drop)
                    self._answered([job])

    async def _answer(self, embedder: str, batch: Sequence[Job]) -> None:
        started_at, started = self._now(), perf_counter()
        try:
            vectors = await self._device.embed(embedder, [job.pictures for job in batch])
        except EmbedError as error:
            log.warning("batch failed", embedder=embedder, jobs=len(batch), reason=str(error))
            for job in batch:
                job.dropped(Drop.FAILED)
            return
        embed_ms = (perf_counter() - started) * 1e3
        for job, vector in zip(batch, vectors, strict=True):
            job.embedded(vector, started_at=started_at, embed_ms=embed_ms)

    async def _ask(self, captioner: Captioner, job: Job) -> None:
        started_at, started = self._now(), perf_counter()
        try:
            text, vector = await captioner.caption(job.pictures)
        except Uncaptioned as error:
            job.dropped(error.drop)
        else:
            job.captioned(text, vector, started_at=started_at, embed_ms=(perf_counter() - started) * 1e3)
        self._answered([job])

    def _answered(self, jobs: Iterable[Job]) -> None:
        self._under_way.difference_update(jobs)
        for job in jobs:
            self._settle(job)
        if not self.jobs_in_flight:
            self._idle.set()

    def _settle(self, job: Job) -> None:
        job.roll.count(job)
        self._publish_ready(job.roll)

    def _publish_ready(self, roll: Roll) -> None:
        for embedding in roll.ready():
            self._publish(embedding)

    def _abandon(self) -> None:
        """Whatever is still in flight goes, and is counted."""
        waiting = [job for queue in set(self._queues.values()) for job in queue.clear()]
        for job in [*self._under_way, *waiting]:
            job.dropped(Drop.SHUTDOWN)
            self._settle(job)
        self._under_way.clear()
        for camera in self.cameras:
            camera.stopped()


def sampling_plan(embedders: Sequence[Embedder]) -> SamplingPlan:
    """What the decoder must give: a grid for each embedder, and pictures large enough for all."""
    rates = {embedder.config.name: embedder.rate for embedder in embedders}
    return SamplingPlan(rates, max(embedder.card.short_side for embedder in embedders))


def lanes(config: Config, embedders: Sequence[Embedder]) -> dict[str, tuple[Embedder, Lane]]:
    """A lane for each embedder, bounded by what the live cameras may have waiting."""
    live = sum(is_live(camera.url) for camera in config.cameras)
    bounds = {Kind.FRAMES: config.queues.frames_per_camera, Kind.CLIP: config.queues.clips_per_camera}
    return {e.config.name: (e, Lane(bounds[e.card.kind], live)) for e in embedders}
