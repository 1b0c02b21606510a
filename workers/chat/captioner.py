"""One embedder's captions: when its endpoint may be asked, what it answers, the vector of that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np
import structlog

from stream.cards import ModelCard
from stream.config import MODEL_PREFIX, ChatConfig, Config, EmbedderConfig
from stream.errors import EmbedError, ModelError
from stream.frames import Pixels, Vector, Vectors
from stream.metrics import Drop
from stream.record import Kind
from workers.cameras import Events
from workers.chat.budget import Budget
from workers.chat.messages import Answer, Uncaptioned

log = structlog.get_logger()

ENDPOINT = "endpoint"  # stands for weights that nobody here can know
RETRY_AFTER_S = 10.0  # after a 429 that does not say
SENTENCE = "A person walks by."  # tried at the start: a trained classifier knows its classes' names only


class Endpoint(Protocol):
    """What answers."""

    async def ask(self, pictures: Sequence[Pixels]) -> Answer:
        """Raises Uncaptioned."""


class TextDevice(Protocol):
    """A device with a text tower on it."""

    async def load(self, config: EmbedderConfig) -> ModelCard:
        """Raises ModelError."""

    async def embed_text(self, embedder: str, texts: Sequence[str]) -> Vectors:
        """(N, D). Raises ModelError, EmbedError."""


class Caption(NamedTuple):
    """A window in words."""

    text: str
    vector: Vector  # unit; (0,) without a text tower


class Captioner:
    """Asks in turn, never more often than it may; tells once of each run of failures. Event loop only."""

    def __init__(
        self,
        config: EmbedderConfig,
        endpoint: Endpoint,
        device: TextDevice,
        event: Events,
        now: Callable[[], float],
    ) -> None:
        self._name = config.name
        self._chat = chat_of(config)
        self._endpoint = endpoint
        self._device = device
        self._event = event
        self._budget = Budget(self._chat, now, asyncio.get_running_loop().time)
        self._free = asyncio.Semaphore(self._chat.at_once)
        self._final: Uncaptioned | None = None
        self._told: set[Drop] = set()  # in this run of failures
        self._missed = 0  # likewise

    async def load(self, config: EmbedderConfig) -> ModelCard:
        """The text tower, if there is one, tried once; the endpoint is not asked. Raises ModelError."""
        chat, weights, dim, text = self._chat, ENDPOINT, 0, ""
        if config.local is not None:
            tower = await self._load_tower(config.local)
            weights, dim, text = tower.weights, tower.dim, f"{tower.model} {tower.identity}"
        identity = f"prompt={chat.prompt!r} T={chat.frames} text={text}"
        return ModelCard(config.model, weights, Kind.CLIP, dim, chat.frames, chat.short_side, identity)

    async def turn(self) -> Uncaptioned | None:
        """Ends when one request may be made, and counts it: `caption` must follow. Else says why none may."""
        await self._free.acquire()
        while (refused := self._final or self._budget.used_up()) is None:
            wait_s = self._budget.wait_s()
            if wait_s <= 0:
                self._budget.request()
                return None
            await asyncio.sleep(wait_s)
        self._free.release()
        self._failed(refused)
        return refused

    async def caption(self, pictures: Sequence[Pixels]) -> Caption:
        """Raises Uncaptioned."""
        try:
            caption = await self._asked(pictures)
        except Uncaptioned as error:
            self._failed(error)
            raise
        finally:
            self._free.release()
        self._succeeded()
        return caption

    async def _asked(self, pictures: Sequence[Pixels]) -> Caption:
        answer = await self._endpoint.ask(pictures)
        self._budget.used(answer.tokens)
        return Caption(answer.caption, await self._vector(answer.caption))

    async def _load_tower(self, config: EmbedderConfig) -> ModelCard:
        """Under the embedder's name, so that the device finds it."""
        try:
            tower = await self._device.load(config)
            await self._device.embed_text(config.name, [SENTENCE])
        except (ModelError, EmbedError) as error:
            raise ModelError(f"embedders.{config.name}.chat.text: {error}") from error
        return tower

    async def _vector(self, caption: str) -> Vector:
        if self._chat.text is None:
            return np.empty(0, np.float32)
        try:
            vector: Vector = (await self._device.embed_text(self._name, [caption]))[0]
        except EmbedError as error:
            raise Uncaptioned(Drop.FAILED, f"text tower: {error}") from error
        return vector

    def _succeeded(self) -> None:
        if self._told:
            log.info("captions are back", embedder=self._name, missed=self._missed)
            self._event("captions_back", embedder=self._name, missed=self._missed)
            self._told, self._missed = set(), 0

    def _failed(self, error: Uncaptioned) -> None:
        self._budget.used(error.tokens)
        if error.drop is Drop.UNAUTHORIZED:
            self._final = error
        if error.drop is Drop.LIMITED or error.retry_after_s is not None:
            self._budget.hold(RETRY_AFTER_S if error.retry_after_s is None else error.retry_after_s)
        self._missed += 1
        if error.drop not in self._told:
            self._told.add(error.drop)
            log.warning("no captions", embedder=self._name, code=error.drop, reason=str(error))
            self._event("captions_lost", embedder=self._name, code=error.drop, reason=str(error))


NOBODY: Mapping[str, Captioner] = MappingProxyType({})
"""Where no embedder captions."""


def chat_of(config: EmbedderConfig) -> ChatConfig:
    if config.chat is None:
        raise ValueError(f"embedders.{config.name} does not caption")
    return config.chat


@asynccontextmanager
async def captioners(
    config: Config, device: TextDevice, event: Events, now: Callable[[], float]
) -> AsyncIterator[Mapping[str, Captioner]]:
    """By embedder, for those that caption; leaving closes their connections."""
    async with AsyncExitStack() as stack:
        yield {
            each.name: Captioner(each, _endpoint(each, stack, now), device, event, now)
            for each in config.embedders
            if each.chat is not None
        }


def _endpoint(config: EmbedderConfig, stack: AsyncExitStack, now: Callable[[], float]) -> Endpoint:
    from workers.chat.endpoint import HttpEndpoint  # noqa: PLC0415 - who asks nobody does without HTTP

    endpoint = HttpEndpoint(config.model.removeprefix(MODEL_PREFIX), chat_of(config), now)
    stack.push_async_callback(endpoint.close)
    return endpoint
