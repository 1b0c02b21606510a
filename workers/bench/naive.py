"""The naive way: decode every frame, and embed the frames of each window anew, one at a time.

Every frame becomes an RGB picture, as OpenCV's `read` gives it; the library's own transform takes it in full
size, as its README shows. Frames and windows are chosen as the pipeline chooses them, so that both ways give
the same vectors. FFmpeg's threads are those of the pipeline, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import av
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL.Image import Image, fromarray
from timm.data.config import resolve_data_config
from timm.data.transforms_factory import create_transform
from torch import Tensor

from stream.config import RedisConfig
from stream.connection import connect
from stream.frames import US_PER_S, Vector
from stream.pooling import normalised
from stream.sampling import Sampler
from stream.windows import Window, Windows
from workers.bench.meter import Meter, Stage
from workers.bench.workload import MIN_COVERAGE, WINDOW, Workload
from workers.models.families import Built, family_of
from workers.models.loading import SEED
from workers.models.quiet import quiet
from workers.models.spec import Spec

Transform: TypeAlias = Callable[[Image], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """A model as its own library gives it."""

    transform: Transform
    forward: Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    cost: Mapping[Stage, float]  # CPU seconds per second of video
    windows: dict[int, Vector]  # by number
    forwards: int


def library(work: Workload) -> Library:
    """The same weights as our way has."""
    spec, family = work.spec, family_of(work.spec)
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)  # random weights are then those of our way
        built = family.build(spec)
        if not spec.random and (file := family.fetch(spec)) is not None:
            family.fill(spec, built, file)
    built.net.eval()
    return Library(_transform(spec, built), built.forward)


def _transform(spec: Spec, built: Built) -> Transform:
    net: Any = built.net
    if spec.family == "open_clip":
        return cast(Transform, image_transform_v2(PreprocessCfg(**net.visual.preprocess_cfg), is_train=False))
    trained_with = {"mean": built.recipe.mean, "std": built.recipe.std}
    config = resolve_data_config(trained_with, model=net)  # type: ignore[no-untyped-call]  # timm's
    return cast(Transform, create_transform(**config))


async def run(work: Workload, library: Library, redis: RedisConfig) -> Outcome:
    """The file, once."""
    meter, windows, forwards = Meter(), {}, 0
    async with connect(redis) as client:
        for window in _windows(work, meter):
            vectors = [_embed(library, picture, meter) for picture in window.samples]
            forwards += len(vectors)
            windows[window.number] = normalised(torch.cat(vectors).mean(dim=0).numpy())
            with meter(Stage.PUBLISH):
                await client.xadd(redis.prefix, {"embedding": windows[window.number].tobytes()})
    return Outcome(_cost(meter, work.file.duration_s, len(windows) * WINDOW.hop_s), windows, forwards)


def _cost(meter: Meter, duration_s: float, windows_s: float) -> Mapping[Stage, float]:
    """Each second of a camera that runs on ends a full window; the first ones of a file do not."""
    cost = {stage: cpu_s / windows_s for stage, cpu_s in meter.cpu_s.items()}
    cost[Stage.DECODE] = meter.cpu_s[Stage.DECODE] / duration_s
    return cost | {Stage.TOTAL: sum(cost.values())}


def _windows(work: Workload, meter: Meter) -> Iterator[Window[Image]]:
    windows = Windows[Image](WINDOW, work.embedder.rate)
    for at_us, picture in _pictures(work, meter):
        yield from filter(_is_covered, windows.push(at_us, picture))
    yield from filter(_is_covered, windows.finish())


def _is_covered(window: Window[Image]) -> bool:
    return len(window.samples) >= window.expected * MIN_COVERAGE


def _pictures(work: Workload, meter: Meter) -> Iterator[tuple[int, Image]]:
    """Those on the grid, in full size, with their times in microseconds."""
    sampler = Sampler(work.embedder.rate)
    with av.open(work.file.camera.url) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        frames = container.decode(stream)
        while True:
            with meter(Stage.DECODE):
                frame = next(frames, None)
                if frame is None:
                    return
                at_us, picture = round(frame.time * US_PER_S), frame.to_ndarray(format="rgb24")
            if sampler.take(at_us):
                yield at_us, fromarray(picture)


@torch.inference_mode()
def _embed(library: Library, picture: Image, meter: Meter) -> Tensor:
    """(1, D) unit row."""
    with meter(Stage.SCALE):
        inputs = library.transform(picture)[None]
    with meter(Stage.EMBED):
        return torch.nn.functional.normalize(library.forward(inputs))
