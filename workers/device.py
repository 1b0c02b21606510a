"""One device and its thread: the models live here, and nothing else touches them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from stream.cards import ModelCard
from stream.config import EmbedderConfig
from stream.errors import ModelError
from stream.frames import Pixels, Vectors
from stream.labels import Labels
from workers.models import Model, Texted, load_for
from workers.models.labelling import labels_of
from workers.turns import Turns

Loader = Callable[[EmbedderConfig, str], Model]


class Device(Protocol):
    """What the pipeline needs of a device."""

    async def load(self, config: EmbedderConfig) -> ModelCard:
        """Make the embedder's model ready. Raises ModelError."""

    async def labels(self, config: EmbedderConfig) -> Labels | None:
        """Those that the loaded embedder's records are to name, if any. Raises ModelError, EmbedError."""

    async def embed(self, embedder: str, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        """(N, D) float32 unit rows, in order. Raises EmbedError."""


class DeviceThread:
    """A device used from a thread of this process. A model shared by several embedders is loaded once."""

    def __init__(self, device: str, load: Loader = load_for) -> None:
        self._device = device
        self._load = load
        self._turns = Turns("device")
        self._loaded: dict[tuple[str | None, ...], Model] = {}
        self._models: dict[str, Model] = {}  # by embedder
        self._prompts: dict[str, Sequence[str]] = {}  # likewise

    async def load(self, config: EmbedderConfig) -> ModelCard:
        def make_ready() -> ModelCard:
            key = (config.model, config.weights, config.sha256, config.fit)
            if key not in self._loaded:
                self._loaded[key] = self._load(config, self._device)
            self._models[config.name] = self._loaded[key]
            self._prompts[config.name] = config.prompts
            return self._loaded[key].card

        return await self._turns.run(make_ready)

    async def labels(self, config: EmbedderConfig) -> Labels | None:
        return await self._turns.run(lambda: labels_of(config, self._models[config.name]))

    async def embed(self, embedder: str, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        return await self._turns.run(lambda: self._models[embedder].embed(clips))

    async def embed_text(self, embedder: str, texts: Sequence[str]) -> Vectors:
        """(N, D) float32 unit rows, in order, in the space of its windows. Raises ModelError, EmbedError.

        It waits for the batch under way, and not for the video behind that.
        """

        def ask() -> Vectors:
            model = self._models[embedder]
            if not isinstance(model, Texted):
                raise ModelError(f'model = "{model.card.model}" has neither a text tower nor trained classes')
            return model.embed_text(texts, self._prompts[embedder])

        return await self._turns.run(ask, urgent=True)

    def close(self) -> None:
        """The batch under way, if any, ends by itself; nobody waits for it."""
        self._turns.close()
