"""`livevec embed`: the same pipeline on one file, at full speed, into an .npz file or into Redis."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import TypeAlias

import numpy as np

from stream.cards import ModelCard
from stream.config import Config, EmbedderConfig, RedisConfig
from stream.connection import check, connect
from stream.embedded import EmbeddedServer, find_embedded
from stream.errors import ConfigError, EmbedError, LivevecError
from stream.frames import Pixels, Vectors
from stream.labels import Labels
from stream.metrics import Counters, Drop, Metric
from stream.pooling import Pooling, pool
from stream.publisher import Publisher
from stream.record import Embedding, Kind
from stream.rolls import Embedder
from stream.status import CameraStatus
from stream.urls import is_live
from workers.chat.captioner import Captioner, captioners
from workers.decoder import DecoderThreads
from workers.device import Device, DeviceThread
from workers.npz import Row, write
from workers.pipeline import Outlet, Pipeline
from workers.progress import follow, progress_bar
from workers.service import load_models, probe_files

DRAIN_S = 30.0  # for Redis to take what is left: nobody waits for this program to make room for the next


Now: TypeAlias = Callable[[], float]
"""Unix seconds."""


class KeepingDevice:
    """Passes on, and keeps, every answer: each frame's vector once, however many windows overlap."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.answers: defaultdict[str, list[Vectors]] = defaultdict(list)  # by embedder

    async def load(self, config: EmbedderConfig) -> ModelCard:
        return await self._device.load(config)

    async def labels(self, config: EmbedderConfig) -> Labels | None:
        return await self._device.labels(config)

    async def embed(self, embedder: str, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        vectors = await self._device.embed(embedder, clips)
        self.answers[embedder].append(vectors)
        return vectors


class Interrupted(LivevecError):
    """The file could not be read to its end. It is not tried again: what is missing would not be seen."""


def to_file(
    config: Config,
    output: Path,
    *,
    whole: bool,
    now: Now = time.time,  # noqa: TID251 - here is where `now` comes from
) -> str:
    """`config` has one camera, the file. Raises LivevecError; then there is no output. Returns a summary."""
    _check_is_file(config)
    probe_files(config, now)
    if not output.resolve().parent.is_dir():
        raise ConfigError(f"--output: no such folder: {output.parent}")
    captioning = [embedder.name for embedder in config.embedders if embedder.chat]
    if whole and captioning:
        raise ConfigError(f"--whole: {', '.join(captioning)} captions windows: the whole file has no caption")
    embedders, rows = asyncio.run(_rows(config, now, whole=whole))
    write(output, config, embedders, rows, whole=whole)
    counts = (f"{embedder.config.name} {len(rows[embedder.config.name])}" for embedder in embedders)
    return f"{output}: vectors: {', '.join(counts)}"


def to_redis(
    config: Config,
    now: Now = time.time,  # noqa: TID251 - likewise
) -> str:
    """`config` has one camera, the file. Published again, it makes no second copy. Returns a summary."""
    _check_is_file(config)
    probe_files(config, now)
    camera, counters = config.cameras[0].id, Counters()
    asyncio.run(_publish(config, counters, now))
    published = counters.total(Metric.WINDOWS_PUBLISHED)
    return f"{config.redis.prefix}:{camera}:*: {published} records"


def _check_is_file(config: Config) -> None:
    if is_live(config.cameras[0].url):
        raise ConfigError("a live camera has no end: use `livevec run`")


async def _rows(config: Config, now: Now, *, whole: bool) -> tuple[list[Embedder], dict[str, list[Row]]]:
    rows: dict[str, list[Row]] = {embedder.name: [] for embedder in config.embedders}

    def keep(window: Embedding) -> None:
        rows[window.embedder].append(Row.of(window))

    counters = Counters()
    with closing(DeviceThread(config.device)) as thread:
        device = KeepingDevice(thread) if whole else thread
        async with captioners(config, thread, _event, now) as captions:
            outlet = Outlet(keep, _event, counters, now)
            embedders, status = await _run(config, device, outlet, captions)
    _complain_of_losses(counters)
    if isinstance(device, KeepingDevice):
        span = (config.cameras[0].starts_at, config.cameras[0].starts_at + status.pts_s)
        rows = {e.config.name: [_whole(e, device.answers[e.config.name], span)] for e in embedders}
    return embedders, rows


async def _publish(config: Config, counters: Counters, now: Now) -> None:
    async with AsyncExitStack() as stack:
        redis = await _server(config.redis, stack)
        client = await stack.enter_async_context(connect(redis))
        await check(client, redis)
        publisher = Publisher(redis, counters, client, now)
        device = stack.enter_context(closing(DeviceThread(config.device)))
        sessions = await publisher.last_sessions()
        captions = await stack.enter_async_context(captioners(config, device, _event, now))
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(publisher.run())
            outlet = Outlet(publisher.offer, _event, counters, now, sessions, publisher.room)
            _, status = await _run(config, device, outlet, captions)
            writing.cancel()
        publisher.set_camera(status.id, status.fields())  # with its session: the next is another one
        await publisher.drain(DRAIN_S)
    _complain_of_losses(counters)


async def _server(redis: RedisConfig, stack: AsyncExitStack) -> RedisConfig:
    """The private Valkey that runs already, or one of our own, where no other is configured."""
    if redis.url != "embedded":
        return redis
    running = find_embedded()
    return redis.model_copy(
        update={"url": running or (await stack.enter_async_context(EmbeddedServer())).url}
    )


async def _run(
    config: Config, device: Device, outlet: Outlet, captions: Mapping[str, Captioner]
) -> tuple[list[Embedder], CameraStatus]:
    embedders = await load_models(config, device, asyncio.Event(), captions)
    with closing(DecoderThreads(1, outlet.now)) as decoders, progress_bar(config.cameras[0].id) as bar:
        pipeline = Pipeline(config, embedders, decoders, device, outlet, captions)
        status = pipeline.cameras[0].status
        async with asyncio.TaskGroup() as tasks:
            drawing = tasks.create_task(follow(bar, status))
            await pipeline.run(stop=asyncio.Event())
            drawing.cancel()
    return embedders, status


def _event(kind: str, camera: str = "", **facts: str | float) -> None:  # noqa: ARG001 # there is one
    if kind in {"lost", "rejected"}:
        raise Interrupted(str(facts["reason"]))


def _complain_of_losses(counters: Counters) -> None:
    """A window with too few frames is the file's own; everything else that went should have come."""
    lost: Counter[str] = Counter()
    for metric in (Metric.WINDOWS_DROPPED, Metric.FRAMES_DROPPED):
        lost.update(counters.by_reason(metric))
    del lost[Drop.COVERAGE]
    if lost:
        raise EmbedError("missing: " + ", ".join(f"{count} {reason}" for reason, count in lost.items()))


def _whole(embedder: Embedder, answers: Sequence[Vectors], span: tuple[float, float]) -> Row:
    """The vectors of every sampled frame, each once, pooled as configured; or the mean of every clip's."""
    if not answers:
        raise EmbedError(f"{embedder.config.name}: nothing of the file was sampled")
    vectors = np.concatenate(answers)
    at_s = np.arange(len(vectors)) / float(embedder.rate)
    how = embedder.pooling if embedder.card.kind is Kind.FRAMES else Pooling("mean")
    return Row(pool(vectors, at_s, how), *span, frames=len(vectors), coverage=1.0)
