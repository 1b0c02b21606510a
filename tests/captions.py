"""Captioning embedders, and endpoints of no network, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from stream.cards import ModelCard
from stream.config import EmbedderConfig
from stream.errors import EmbedError
from stream.frames import Pixels, Vectors
from stream.record import Kind
from stream.rolls import Embedder
from tests.made import CountingDevice, Ears, card, turned
from workers.chat.captioner import Captioner, Endpoint
from workers.chat.messages import Answer, Uncaptioned

URL = "http://127.0.0.1:9/v1"
KEY = "sk-very-secret-0123456789"


def captioning(
    *, name: str = "words", windows: Any = ({"span_s": 1, "hop_s": 1},), **chat: Any
) -> EmbedderConfig:
    asked = {"url": URL, "frames": 1, **chat}
    return EmbedderConfig.model_validate(
        {"name": name, "model": "chat:seer", "windows": windows, "chat": asked}
    )


class ScriptedEndpoint:
    """Answers by script, the last for ever; each takes `takes_s` of the loop's clock."""

    def __init__(self, *answers: Answer | Uncaptioned, takes_s: float = 0) -> None:
        self._answers = list(answers) or [Answer("a dock", 0)]
        self._takes_s = takes_s
        self.asked_at_s: list[float] = []
        self.under_way = self.most_under_way = 0

    async def ask(self, pictures: Sequence[Pixels]) -> Answer:
        self.asked_at_s.append(asyncio.get_running_loop().time())
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(self._takes_s)
        self.under_way -= 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Uncaptioned):
            raise answer
        return answer


class TextDevice(CountingDevice):
    """A device whose text tower turns a text by its length."""

    def __init__(self) -> None:
        super().__init__({"scene": card()})
        self.texts: list[str] = []
        self.refuses = ""  # a text that its tower fails on

    async def load(self, config: EmbedderConfig) -> ModelCard:
        return ModelCard(config.model, "made", Kind.FRAMES, 4, 1, short_side=8, identity="made")

    async def embed_text(self, embedder: str, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        if self.refuses in texts:
            raise EmbedError("out of memory")
        return np.stack([turned(len(text)) for text in texts])


async def captioner(
    config: EmbedderConfig, endpoint: Endpoint, ears: Ears, device: TextDevice | None = None
) -> tuple[Captioner, Embedder]:
    captions = Captioner(config, endpoint, device or TextDevice(), ears.outlet().event, _loops_clock())
    return captions, Embedder(config, await captions.load(config))


def _loops_clock() -> Any:
    return asyncio.get_running_loop().time


def kinds(ears: Ears, wanted: Iterable[str] = ("captions_lost", "captions_back")) -> list[tuple[str, Any]]:
    """The events of captioning, each with its code or what was missed."""
    return [
        (kind, facts.get("code", facts.get("missed"))) for kind, _, facts in ears.events if kind in wanted
    ]
