"""One device and its thread: the models live here, and nothing else touches them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from stream.cards import ModelCard
from stream.config import EmbedderConfig
from stream.frames import Pixels, Vectors
from workers.models import Model, load_for

T = TypeVar("T")
Loader = Callable[[EmbedderConfig, str], Model]


class Device(Protocol):
    """What the pipeline needs of a device."""

    async def load(self, config: EmbedderConfig) -> ModelCard:
        """Make the embedder's model ready. Raises ModelError."""

    async def embed(self, embedder: str, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        """(N, D) float32 unit rows, in order. Raises EmbedError."""


class DeviceThread:
    """A device used from a thread of this process. A model shared by several embedders is loaded once."""

    def __init__(self, device: str, load: Loader = load_for) -> None:
        self._device = device
        self._load = load
        self._thread = ThreadPoolExecutor(1, "device")
        self._loaded: dict[tuple[str | None, ...], Model] = {}
        self._models: dict[str, Model] = {}  # by embedder

    async def load(self, config: EmbedderConfig) -> ModelCard:
        def make_ready() -> ModelCard:
            key = (config.model, config.weights, config.sha256, config.fit)
            if key not in self._loaded:
                self._loaded[key] = self._load(config, self._device)
            self._models[config.name] = self._loaded[key]
            return self._loaded[key].card

        return await self._run(make_ready)

    async def embed(self, embedder: str, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        return await self._run(lambda: self._models[embedder].embed(clips))

    def close(self) -> None:
        """The batch under way, if any, ends by itself; nobody waits for it."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
