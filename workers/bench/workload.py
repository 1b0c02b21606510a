"""What is measured: one file, one model, one scale of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stream.config import CameraConfig, Config, EmbedderConfig, RedisConfig, WindowConfig
from stream.errors import ConfigError
from stream.frames import Pixels, Vectors
from stream.rolls import Embedder
from stream.sources.ffmpeg import VideoInfo, open_video
from workers.bench.meter import Meter, Stage
from workers.models import Model, load
from workers.models.spec import Spec

FPS = 4
WINDOW = WindowConfig(span_s=4, hop_s=1)  # each frame is in four windows
MIN_COVERAGE = 1  # full windows only, as a camera that runs on has them
SHORTEST_S = 2 * WINDOW.span_s
FAMILIES = ("efficientnet_lite0", "open_clip")  # whose own transforms are known in `naive`
CAMERA = "bench"


@dataclass(frozen=True, slots=True)
class File:
    camera: CameraConfig
    info: VideoInfo
    duration_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """A file and a loaded model."""

    file: File
    spec: Spec
    model: Model
    embedder: Embedder

    def config(self, redis: RedisConfig) -> Config:
        return Config(
            device="cpu", redis=redis, cameras=(self.file.camera,), embedders=(self.embedder.config,)
        )


def probe(path: Path) -> File:
    """Raises SourceError, and ConfigError for one that holds too few windows."""
    camera = CameraConfig(id=CAMERA, url=str(path.resolve()))
    with open_video(camera, lambda: 0.0) as video:
        info = video.info
    if info.duration_s is None or info.duration_s < SHORTEST_S:
        raise ConfigError(f"{path}: must be {SHORTEST_S:g} s long at least")
    return File(camera, info, info.duration_s)


def prepare(file: File, spec: Spec) -> Workload:
    """Loads the model. Raises ModelError."""
    config = EmbedderConfig(
        name="frames",
        model=spec.model,
        weights=spec.weights,
        fps=FPS,
        windows=(WINDOW,),
        min_coverage=MIN_COVERAGE,
    )
    model = load(spec.model, spec.weights, "cpu")
    return Workload(file, spec, model, Embedder(config, model.card))


class MeteredModel:
    """Counts and times what goes through a model."""

    def __init__(self, model: Model, meter: Meter) -> None:
        self.card = model.card
        self.pictures = 0
        self._model = model
        self._meter = meter

    def embed(self, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        self.pictures += sum(len(clip) for clip in clips)
        with self._meter(Stage.EMBED):
            return self._model.embed(clips)
