"""Each family's model as large as it is published: a real clip through the pipeline into Redis and back."""

from __future__ import annotations

import asyncio
import gc
import re
import resource
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from stream.config import CameraConfig, Config, EmbedderConfig, RedisConfig, WindowConfig
from stream.connection import connect
from stream.reader import follow
from stream.record import Embedding, Kind, stream_key
from tests.media import clip
from tests.models.conftest import Say
from tests.peers.redis_server import VALKEY, RedisServer, program_of
from workers.embed import to_redis
from workers.models import check

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

MEMORY_GIB = 16.0  # of the whole test run at its largest, promised
SPAN_S = 8.0  # of a clip of 10 s, so that every window is whole
FRAMES = 2  # a window, of image models
APART = 1e-3  # distance of unit vectors; equal pictures in another batch lie below 1e-5


@dataclass(frozen=True)
class Published:
    """What its paper or library says of a model."""

    model: str
    dim: int
    frames: int = 1  # pictures per item
    trained: bool = False  # no package brings the weights of the others
    windows: int = 2  # of the clip: the fewest that can differ


FAMILIES = {
    "ResNet": Published("timm:resnet50", 2048),
    "VGG": Published("timm:vgg16", 4096),
    "ViT": Published("timm:vit_base_patch16_224", 768),
    "ConvNeXt": Published("timm:convnext_base", 1024),
    "EfficientNet": Published("efficientnet_lite0", 1280, trained=True),
    "CLIP": Published("open_clip:ViT-B-32", 512),
    "C3D": Published("c3d", 4096, frames=16),
    "I3D": Published("i3d", 1024, frames=64),
    "R2Plus1D": Published("torchvision:r2plus1d_18", 512, frames=16),
    "ViViT": Published("hf:google/vivit-b-16x2-kinetics400", 768, frames=32),
    "TimeSformer": Published("hf:facebook/timesformer-base-finetuned-k400", 768, frames=8),
    "VideoMAE": Published("hf:MCG-NJU/videomae-base", 768, frames=16),
    "X-CLIP": Published("hf:microsoft/xclip-base-patch32", 512, frames=8),
    # vision tower and projector whole, no layer of the language model; a clip takes it 5 TFLOP
    "LLaVA-Video": Published("hf:lmms-lab/LLaVA-Video-7B-Qwen2", 3584, frames=8, windows=1),
    "motion": Published("motion", 128, frames=16, trained=True),
}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisConfig]:
    with RedisServer(program_of(VALKEY), tmp_path_factory.mktemp("valkey")) as server:
        yield RedisConfig(url=server.url)


@pytest.fixture(scope="module")
def spaces() -> set[str]:
    """Of the models before."""
    return set()


@pytest.fixture(autouse=True)
def _one_at_a_time() -> Iterator[None]:
    yield
    gc.collect()  # a module refers to itself


@pytest.mark.parametrize("family", FAMILIES)
def test_leaves_its_vectors_of_a_real_clip_in_redis(
    family: str, redis: RedisConfig, spaces: set[str], say: Say
) -> None:
    published, began = FAMILIES[family], time.perf_counter()
    to_redis(config_of(family, redis), now=lambda: 0.0)
    took_s = time.perf_counter() - began
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    records = asyncio.run(records_of(family, redis))
    apart = [float(np.linalg.norm(a.vector - b.vector)) for a, b in pairwise(records)]
    say(f"{family} ({published.model}): {took_s:.1f} s, peak {peak_gib:.1f} GiB; apart {np.round(apart, 4)}")
    check_windows(records, published)
    for record in records:
        check_record(record, published)
    assert all(distance > APART for distance in apart)
    (space,) = {record.space for record in records}
    assert re.fullmatch(r"[0-9a-f]{12}", space)
    assert space not in spaces
    spaces.add(space)
    assert peak_gib < MEMORY_GIB


def config_of(family: str, redis: RedisConfig) -> Config:
    """Few and whole windows: of a file's first and last, that lack frames, no clip is embedded."""
    published = FAMILIES[family]
    span_s = SPAN_S / published.windows
    embedder = EmbedderConfig(
        name=family,
        model=published.model,
        weights="auto" if published.trained else "random",
        fps=FRAMES / span_s if published.frames == 1 else None,
        windows=(WindowConfig(span_s=span_s, hop_s=span_s),),
        min_coverage=1,
    )
    camera = CameraConfig(id="bikes", url=str(clip("bikes")))
    return Config(device="cpu", redis=redis, cameras=(camera,), embedders=(embedder,))


async def records_of(family: str, redis: RedisConfig) -> list[Embedding]:
    """All of them, as a consumer reads them."""
    async with connect(redis) as client:
        count = await client.xlen(stream_key(redis.prefix, "bikes", family))
        async with aclosing(follow(client, embedders=[family], since="0")) as following:
            return [(await anext(following))[1] for _ in range(count)]


def check_windows(records: list[Embedding], published: Published) -> None:
    span_s = SPAN_S / published.windows
    spans = [(number * span_s, (number + 1) * span_s) for number in range(published.windows)]
    assert [(record.start, record.end) for record in records] == spans


def check_record(record: Embedding, published: Published) -> None:
    of_clips = published.frames > 1
    weights = check(published.model).tag if published.trained else "random"
    assert record.model == published.model
    assert record.weights == weights
    assert record.kind is (Kind.CLIP if of_clips else Kind.FRAMES)
    assert record.vector.shape == (published.dim,)
    assert np.linalg.norm(record.vector) == pytest.approx(1, abs=1e-5)
    assert (record.frames, record.coverage) == (published.frames if of_clips else FRAMES, 1)
