"""Small made-up data for tests: frames, embedders, devices that answer in numbers one can follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from stream.cards import ModelCard
from stream.config import CameraConfig, EmbedderConfig, WindowConfig
from stream.errors import EmbedError, SourceError
from stream.frames import Clock, Frame, Pixels, Session, Vectors
from stream.labels import Labels
from stream.metrics import Counters
from stream.record import Embedding, Kind
from stream.rolls import Embedder
from stream.sampling import SamplingPlan
from stream.sources.ffmpeg import VideoInfo
from tests.media import read_index
from workers.decoder import Delivery
from workers.pipeline import Outlet

LIVE = Session("cam", 1, Clock.ARRIVAL)
FILE = Session("tape", 1, Clock.FILE)


def card(kind: Kind = Kind.FRAMES, *, frames: int = 1, dim: int = 4) -> ModelCard:
    return ModelCard("made", "random", kind, dim, frames, short_side=8, identity="made")


def embedder(
    kind: Kind = Kind.FRAMES,
    *,
    frames: int = 1,
    name: str = "scene",
    windows: Sequence[tuple[float, float]] = ((1.0, 1.0),),
    **config: Any,
) -> Embedder:
    scales = tuple(WindowConfig(span_s=span_s, hop_s=hop_s) for span_s, hop_s in windows)
    return Embedder(
        EmbedderConfig(name=name, model="made", windows=scales, **config), card(kind, frames=frames)
    )


def frame(at_s: float, *, session: Session = LIVE, value: int = 0, due: Sequence[str] = ("scene",)) -> Frame:
    pixels = np.full((8, 8, 3), value, np.uint8)
    return Frame(session, at_s, round(at_s * 1e6), 1.0, pixels, frozenset(due))


def turned(value: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(4,) float32, unit: the brightness as an angle, so that a vector tells which picture it came from."""
    angle = value / 255 * np.pi / 2
    return np.array([np.cos(angle), np.sin(angle), 0, 0], np.float32)


class CountingDevice:
    """A device of which each answer is `turned(mean brightness)`, and which remembers what it was given."""

    def __init__(self, cards: dict[str, ModelCard]) -> None:
        self.cards = cards
        self.seen: dict[str, list[tuple[float, ...]]] = {name: [] for name in cards}  # brightness per picture
        self.batches: list[tuple[str, int]] = []
        self.gate: Callable[[], Any] | None = None  # awaited before each answer
        self.fails = False

    async def load(self, config: EmbedderConfig) -> ModelCard:
        return self.cards[config.name]

    async def labels(self, config: EmbedderConfig) -> Labels | None:
        return None

    async def embed(self, embedder: str, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        self.batches.append((embedder, len(clips)))
        if self.gate is not None:
            await self.gate()
        await asyncio.sleep(0)
        if self.fails:
            raise EmbedError("made to fail")
        values = [tuple(float(picture.mean()) for picture in clip) for clip in clips]
        self.seen[embedder] += values
        return np.stack([turned(float(np.mean(value))) for value in values])


class NumberedDevice(CountingDevice):
    """Tells pictures by their number: a frame's vector is 1 there, 0 elsewhere, so a pooled one tells all."""

    DIM = 1024

    async def embed(self, embedder: str, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        self.batches.append((embedder, len(clips)))
        numbers = [tuple(read_index(picture) for picture in clip) for clip in clips]
        self.seen[embedder] += numbers
        vectors = np.zeros((len(clips), self.DIM), np.float32)
        for row, its_numbers in zip(vectors, numbers, strict=True):
            row[list(its_numbers)] = 1 / np.sqrt(len(set(its_numbers)))
        return vectors


def pooled(embedding: Embedding) -> list[int]:
    """The numbers of the frames in it."""
    return [int(number) for number in np.flatnonzero(embedding.vector)]


class ScriptedDecoding:
    """A session that delivers what it is told and then ends as it is told."""

    def __init__(self, frames: Sequence[Frame], end: SourceError | None, every_s: float = 0) -> None:
        self.info = VideoInfo("h264", 8, 8, 25.0, Clock.ARRIVAL, None)
        self.decoded = len(frames)
        self._deliveries = [Delivery([each], {}) for each in frames]
        self._end = end
        self._every_s = every_s

    async def take(self) -> Delivery | None:
        await asyncio.sleep(self._every_s)
        if self._deliveries:
            return self._deliveries.pop(0)
        if self._end is not None:
            raise self._end
        return None

    def stop(self) -> None: ...


class ScriptedDecoders:
    """Cameras that deliver and fail by script: for each connection its frames' times, then how it ends.

    A frame comes every `every_s`, by the loop's clock; with 0 as fast as they are taken.
    """

    def __init__(
        self,
        script: Mapping[str, Sequence[tuple[Sequence[float], SourceError | None]]],
        every_s: float = 0,
    ) -> None:
        self._every_s = every_s
        self._script = {camera: list(connections) for camera, connections in script.items()}
        self.connected_at_s: dict[str, list[float]] = {camera: [] for camera in script}

    def start(self, camera: CameraConfig, session: Session, plan: SamplingPlan) -> ScriptedDecoding:
        self.connected_at_s[camera.id].append(asyncio.get_running_loop().time())
        times_s, end = self._script[camera.id].pop(0)
        due = list(plan.rates)
        frames = [frame(at_s, session=session, due=due) for at_s in times_s]
        return ScriptedDecoding(frames, end, self._every_s)


class Ears:
    """An outlet that remembers."""

    def __init__(self) -> None:
        self.published: list[Embedding] = []
        self.events: list[tuple[str, str, dict[str, str | float]]] = []
        self.counters = Counters()

    def outlet(self) -> Outlet:
        return Outlet(self.published.append, self._event, self.counters, lambda: 0.0)

    def _event(self, kind: str, camera: str = "", **facts: str | float) -> None:
        self.events.append((kind, camera, facts))
