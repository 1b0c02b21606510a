"""`shadow = true`: a second model beside the first, which does not notice it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from stream.errors import Code, SourceError
from stream.frames import Pixels, Vectors
from stream.metrics import Drop, Metric
from stream.rolls import Embedder
from tests import virtual_time
from tests.made import CountingDevice, Ears, ScriptedDecoders, embedder
from tests.unit.test_pipeline import config_of
from workers.pipeline import Pipeline

END = SourceError(Code.FORBIDDEN, "forbidden", final=True)
FPS = 4
TIMES_S = [n / FPS for n in range(1, 201)]


class SlowDevice(CountingDevice):
    """Takes so many seconds of virtual time for a picture, by embedder."""

    def __init__(self, embedders: Sequence[Embedder], picture_s: Mapping[str, float]) -> None:
        super().__init__({each.config.name: each.card for each in embedders})
        self._picture_s = picture_s

    async def embed(self, embedder: str, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        await asyncio.sleep(self._picture_s[embedder] * len(clips))
        return await super().embed(embedder, clips)


def live(embedders: list[Embedder], **picture_s: float) -> Ears:
    """What comes of one live camera."""
    ears, device = Ears(), SlowDevice(embedders, picture_s)
    decoders = ScriptedDecoders({"cam": [(TIMES_S, END)]}, every_s=1 / FPS)
    config = config_of({"cam": "rtsp://camera.example/live"}, embedders)

    async def main() -> None:
        await Pipeline(config, embedders, decoders, device, ears.outlet()).run(asyncio.Event())

    virtual_time.run(main())
    return ears


def windows(ears: Ears, name: str) -> list[tuple[int, float, list[float]]]:
    return [(e.window, e.coverage, e.vector.tolist()) for e in ears.published if e.embedder == name]


def shed(ears: Ears, name: str) -> int:
    """Frames; asserts that nothing else was lost, and that the books balance."""
    total = ears.counters.total
    sampled, embedded, dropped = (
        total(metric, "cam", name)
        for metric in (Metric.FRAMES_SAMPLED, Metric.FRAMES_EMBEDDED, Metric.FRAMES_DROPPED)
    )
    assert set(ears.counters.by_reason(Metric.FRAMES_DROPPED)) <= {Drop.SHED, Drop.SHUTDOWN}
    assert sampled == embedded + dropped == len(TIMES_S)
    due, missed = (total(metric, "cam", name) for metric in (Metric.WINDOWS_DUE, Metric.WINDOWS_DROPPED))
    assert due == len(windows(ears, name)) + missed
    return dropped


SCENE = embedder(fps=FPS, windows=[(1.0, 1.0)], max_batch=2)
SECOND = embedder(fps=FPS, windows=[(1.0, 1.0)], max_batch=2, name="second")
SHADOW = embedder(fps=FPS, windows=[(1.0, 1.0)], max_batch=2, name="second", shadow=True)

BUSY_S = 0.8 / FPS  # for a picture: the first alone needs four fifths of the device


@pytest.mark.parametrize("order", [[SCENE, SHADOW], [SHADOW, SCENE]], ids=["after", "before"])
def test_the_first_does_not_notice_its_shadow(order: list[Embedder]) -> None:
    alone, beside = live([SCENE], scene=BUSY_S), live(order, scene=BUSY_S, second=BUSY_S)
    assert windows(beside, "scene") == windows(alone, "scene") != []
    assert shed(beside, "scene") == shed(alone, "scene") == 0
    assert 0 < shed(beside, "second") < len(TIMES_S)  # the device has a fifth of its time left for it
    assert windows(beside, "second")


def test_without_the_word_both_lose() -> None:
    beside = live([SCENE, SECOND], scene=BUSY_S, second=BUSY_S)
    assert shed(beside, "scene") > 0


def test_a_shadow_loses_nothing_where_there_is_time_for_both() -> None:
    beside = live([SCENE, SHADOW], scene=BUSY_S / 4, second=BUSY_S / 4)
    assert shed(beside, "scene") == shed(beside, "second") == 0
    assert windows(beside, "second") == windows(beside, "scene") != []


def test_two_shadows_take_turns() -> None:
    other = embedder(fps=FPS, windows=[(1.0, 1.0)], max_batch=2, name="third", shadow=True)
    beside = live([SCENE, SHADOW, other], scene=BUSY_S / 2, second=BUSY_S, third=BUSY_S)
    assert shed(beside, "scene") == 0
    assert shed(beside, "second") == pytest.approx(shed(beside, "third"), abs=8)  # what may wait
