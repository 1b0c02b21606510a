"""Each stage by itself, with nothing else running: the same code that the pipeline runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stream.config import QueueConfig, RedisConfig
from stream.connection import connect
from stream.frames import Pixels
from stream.metrics import Counters
from stream.publisher import Publisher
from stream.record import Embedding
from stream.sampling import Sampler
from stream.sources.ffmpeg import open_video
from stream.timeline import FileTimeline
from workers.bench.meter import Meter, Stage
from workers.bench.ours import DRAIN_S
from workers.bench.workload import MeteredModel, Workload

BATCH = QueueConfig().frames_per_camera  # the most that the pipeline has of one camera


def decode_and_scale(work: Workload, meter: Meter) -> list[Pixels]:
    """All pictures decoded, those on the grid scaled."""
    sampler, timeline = Sampler(work.embedder.rate), FileTimeline()
    sampled = []
    with meter(Stage.TOTAL), open_video(work.file.camera, lambda: 0.0) as video:
        for picture in video.pictures():
            if sampler.take(timeline.at_us(picture.pts_s, picture.arrived_at)):
                with meter(Stage.SCALE):
                    sampled.append(picture.scaled(work.model.card.short_side))
    meter.rest_is(Stage.DECODE)
    return sampled


def embed(work: Workload, frames: Sequence[Pixels], meter: Meter) -> None:
    model = MeteredModel(work.model, meter)
    for first in range(0, len(frames), BATCH):
        model.embed([[frame] for frame in frames[first : first + BATCH]])


async def publish(
    windows: Sequence[Embedding], redis: RedisConfig, meter: Meter, now: Callable[[], float]
) -> None:
    async with connect(redis) as client:
        with meter(Stage.PUBLISH):
            publisher = Publisher(redis, Counters(), client, now)
            for window in windows:
                publisher.offer(window)
            await publisher.drain(DRAIN_S)
