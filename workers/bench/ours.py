"""Our way: the very pipeline that runs in production, with a clock at each seam."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from time import process_time, thread_time

from stream.config import CameraConfig, RedisConfig
from stream.connection import connect
from stream.errors import LivevecError
from stream.frames import Frame, Session
from stream.metrics import Counters, Drop, Metric
from stream.publisher import Publisher
from stream.record import Embedding
from stream.sampling import SamplingPlan
from workers.bench.meter import Meter, Stage
from workers.bench.workload import MeteredModel, Workload
from workers.decoder import Handoff, decode
from workers.device import DeviceThread
from workers.pipeline import Outlet, Pipeline

DRAIN_S = 30.0  # nobody waits for it


class NotExact(LivevecError):
    """What must hold exactly did not."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of the pipeline did."""

    cost: Mapping[Stage, float]  # CPU seconds per second of video
    windows: list[Embedding]
    sampled: int  # frames
    forwards: int  # pictures that went through the model


class MeteredHandoff(Handoff):
    """Tells scaling from decoding, both in the decoder thread.

    It is asked whether to go on when a picture is decoded, and is given the frame when it is scaled.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
        super().__init__(loop)
        self._meter = meter
        self._decoded_at = 0.0

    @property
    def stopped(self) -> bool:
        self._decoded_at = self._meter.clock()
        return super().stopped

    def put(self, frame: Frame) -> None:
        self._meter.cpu_s[Stage.SCALE] += self._meter.clock() - self._decoded_at
        super().put(frame)


class MeteredDecoders:
    """One decoder thread."""

    def __init__(self, meter: Meter, now: Callable[[], float]) -> None:
        self._thread = ThreadPoolExecutor(1, "decoder")
        self._meter = meter
        self._now = now

    def start(self, camera: CameraConfig, session: Session, plan: SamplingPlan) -> Handoff:
        loop = asyncio.get_running_loop()
        handoff = MeteredHandoff(loop, self._meter)
        loop.run_in_executor(self._thread, decode, camera, session, plan, handoff, self._now)
        return handoff

    def close(self) -> None:
        self._thread.shutdown()


async def run(work: Workload, redis: RedisConfig, now: Callable[[], float]) -> Outcome:
    """The file, once. Decoding is what no other stage was: FFmpeg has threads of its own. Raises NotExact."""
    meter, total, counters = Meter(thread_time), Meter(process_time), Counters()
    model = MeteredModel(work.model, meter)
    windows: list[Embedding] = []
    async with connect(redis) as client:
        publisher = Publisher(redis, counters, client, now)

        def publish(embedding: Embedding) -> None:
            windows.append(embedding)
            publisher.offer(embedding)

        with closing(DeviceThread("cpu", lambda *_: model)) as device:
            await device.load(work.embedder.config)
            decoders = MeteredDecoders(meter, now)
            outlet = Outlet(publish, _event, counters, now)
            pipeline = Pipeline(work.config(redis), [work.embedder], decoders, device, outlet)
            with total(Stage.TOTAL), meter(Stage.PUBLISH), closing(decoders):
                await _run(pipeline, publisher)
    meter.cpu_s |= total.cpu_s
    meter.rest_is(Stage.DECODE)
    check_exact(counters, model.pictures)
    cost = {stage: cpu_s / work.file.duration_s for stage, cpu_s in meter.cpu_s.items()}
    return Outcome(cost, windows, counters.total(Metric.FRAMES_SAMPLED), model.pictures)


async def _run(pipeline: Pipeline, publisher: Publisher) -> None:
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(publisher.run())
        await pipeline.run(asyncio.Event())
        writing.cancel()
    await publisher.drain(DRAIN_S)


def _event(kind: str, camera: str = "", **facts: str | float) -> None:
    if kind in {"lost", "rejected"}:
        raise LivevecError(f"{camera}: {facts['reason']}")


def check_exact(counters: Counters, forwards: int) -> None:
    """Each sampled frame went through the model once, and each window that was due is in Redis."""
    sampled, embedded = counters.total(Metric.FRAMES_SAMPLED), counters.total(Metric.FRAMES_EMBEDDED)
    if not sampled == embedded == forwards:
        raise NotExact(f"{sampled} frames sampled, {embedded} embedded, {forwards} went through the model")
    drops = counters.by_reason(Metric.WINDOWS_DROPPED)
    due, published = counters.total(Metric.WINDOWS_DUE), counters.total(Metric.WINDOWS_PUBLISHED)
    if due != published + drops.get(Drop.COVERAGE, 0):
        raise NotExact(f"{due} windows due, {published} published, dropped: {drops}")
