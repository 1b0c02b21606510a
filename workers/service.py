"""The service: everything that one configuration asks for, in one event loop, from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Never

import structlog

from stream.config import Config
from stream.connection import check, connect
from stream.embedded import EmbeddedServer
from stream.errors import ConfigError, LivevecError, SourceError
from stream.metrics import Counters, Metric
from stream.publisher import Publisher
from stream.rolls import Embedder
from stream.sources.ffmpeg import open_video
from stream.status import State
from stream.urls import is_live, local_path
from workers.cameras import Camera
from workers.chat.captioner import NOBODY, Captioner, captioners
from workers.decoder import DecoderThreads
from workers.device import Device, DeviceThread
from workers.pipeline import Outlet, Pipeline
from workers.tasks import beside, until

log = structlog.get_logger()

REPORT_S = 1.0  # what people look at is never older than this
DRAIN_S = 1.0  # for Redis to take what is left, when the program ends


class NoCameraLeft(LivevecError):
    """Every camera has ended, and at least one of them was rejected."""


def run(config: Config) -> None:
    """`livevec run`: until SIGTERM or SIGINT (a second ends it at once), or until every camera has ended."""
    try:
        asyncio.run(_run_until_signal(config))
    finally:
        leave_hanging_threads(sys.exc_info()[1])


async def _run_until_signal(config: Config) -> None:
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        await serve(config, stop)


@contextmanager
def stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """The first SIGTERM or SIGINT sets `stop`; the next does what it does by default."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)

    def first(which: signal.Signals) -> None:
        log.info("stopping", signal=which.name)
        stop.set()
        for each in signals:
            loop.remove_signal_handler(each)

    for each in signals:
        loop.add_signal_handler(each, first, each)
    try:
        yield
    finally:
        for each in signals:
            loop.remove_signal_handler(each)


async def serve(
    config: Config,
    stop: asyncio.Event,
    *,
    now: Callable[[], float] = time.time,  # noqa: TID251 - here is where `now` comes from
) -> Counters:
    """Ends soon after `stop` is set, or when every camera has ended. Returns the books.

    Raises ConfigError, ModelError or RedisError before anything is started, NoCameraLeft at the end.
    """
    check_files(config)
    probe_files(config, now)
    counters = Counters()
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(EmbeddedServer()) if config.redis.url == "embedded" else None
        publisher = await stack.enter_async_context(_publisher(config, counters, now))
        device = stack.enter_context(contextlib.closing(DeviceThread(config.device)))
        decoders = stack.enter_context(contextlib.closing(DecoderThreads(len(config.cameras), now)))
        sessions = await publisher.last_sessions()
        captions = await stack.enter_async_context(captioners(config, device, publisher.event, now))
        embedders = await load_models(config, device, stop, captions)
        if stop.is_set():
            return counters
        outlet = Outlet(publisher.offer, publisher.event, counters, now, sessions, publisher.room)
        pipeline = Pipeline(config, embedders, decoders, device, outlet, captions)
        others = [publisher.run(), report(pipeline, publisher), *([server.keep_running()] if server else [])]
        await beside(pipeline.run(stop), others)
        _report_once(pipeline, publisher)
    if not stop.is_set():
        _complain_of_rejected(pipeline.cameras)
    return counters


@asynccontextmanager
async def _publisher(
    config: Config, counters: Counters, now: Callable[[], float]
) -> AsyncIterator[Publisher]:
    """Connected; leaving writes what still waits. Raises RedisError if Redis is not there."""
    async with connect(config.redis) as client:
        await check(client, config.redis)
        publisher = Publisher(config.redis, counters, client, now)
        yield publisher
        await publisher.drain(DRAIN_S)


async def load_models(
    config: Config, device: Device, stop: asyncio.Event, captions: Mapping[str, Captioner] = NOBODY
) -> list[Embedder]:
    """All models, one after the other; fewer if `stop` is set meanwhile. Raises ModelError."""
    embedders: list[Embedder] = []

    async def load_all() -> None:
        for each in config.embedders:
            log.info("loading model", embedder=each.name, model=each.model, weights=each.weights)
            card = await (captions.get(each.name) or device).load(each)
            labels = await device.labels(each) if each.labels else None
            embedders.append(Embedder(each, card, labels))
            if embedders[-1].card.weights == "random":
                log.warning("untrained weights", embedder=each.name, model=each.model)

    await until(stop, load_all())
    return embedders


async def report(pipeline: Pipeline, publisher: Publisher) -> Never:
    """The cameras' states, once a second. Ends only when cancelled."""
    decoded = {camera.config.id: camera.decoded for camera in pipeline.cameras}
    while True:
        await asyncio.sleep(REPORT_S)
        for camera in pipeline.cameras:
            name = camera.config.id
            camera.status.fps_in = (camera.decoded - decoded[name]) / REPORT_S
            decoded[name] = camera.decoded
        _report_once(pipeline, publisher)


def _report_once(pipeline: Pipeline, publisher: Publisher) -> None:
    for camera in pipeline.cameras:
        name, counters = camera.config.id, pipeline.counters
        camera.status.windows = counters.total(Metric.WINDOWS_PUBLISHED, name)
        camera.status.frame_drops = counters.by_reason(Metric.FRAMES_DROPPED, name)
        camera.status.window_drops = counters.by_reason(Metric.WINDOWS_DROPPED, name)
        publisher.set_camera(name, camera.status.fields())


def check_files(config: Config) -> None:
    """What is wrong before the start is said before the start. Raises ConfigError."""
    missing = [
        f"cameras.{camera.id}.url: no such file: {local_path(camera.url)}"
        for camera in config.cameras
        if not is_live(camera.url) and "://" not in camera.url and not local_path(camera.url).is_file()
    ]
    if missing:
        raise ConfigError("\n".join(missing))


def probe_files(config: Config, now: Callable[[], float]) -> None:
    """Opens each local file, and closes it. Raises ConfigError where one holds no video."""
    wrong = []
    for camera in config.cameras:
        if not is_live(camera.url) and "://" not in camera.url:
            try:
                with open_video(camera, now):
                    pass
            except SourceError as error:
                wrong.append(str(error))
    if wrong:
        raise ConfigError("\n".join(wrong))


def _complain_of_rejected(cameras: Sequence[Camera]) -> None:
    rejected = [camera for camera in cameras if camera.status.state is State.REJECTED]
    if rejected:
        reasons = "\n".join(f"camera {each.config.id}: {each.status.reason}" for each in rejected)
        raise NoCameraLeft(reasons)


def leave_hanging_threads(error: BaseException | None) -> None:
    """A thread that hangs in FFmpeg or in a model can be ended only with its process."""
    gc.freeze()  # else Python, as it ends, looks through all that torch has made: up to 3 s
    if error is None and threading.active_count() > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
