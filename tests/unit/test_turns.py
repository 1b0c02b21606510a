"""Who is next on the device's thread; and that a query does not wait behind video."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial

import numpy as np
import pytest

from stream.errors import ModelError
from stream.frames import Pixels, Vectors
from tests.made import card, embedder
from workers.device import DeviceThread
from workers.turns import Turns

GREY: Pixels = np.full((8, 8, 3), 128, np.uint8)
QUERIES = 100
FEEDERS = 8  # batches that wait at any moment


class Counting:
    """A text tower that counts forward passes over video; each takes long enough for a backlog."""

    def __init__(self) -> None:
        self.card = card()
        self.passes = 0
        self._pause = threading.Event()  # never set

    def embed(self, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        self._pause.wait(0.002)
        self.passes += 1
        return np.zeros((len(clips), 4), np.float32)

    def embed_text(self, texts: Sequence[str], prompts: Sequence[str] = ("{}",)) -> Vectors:
        """Its answer is the number of passes so far."""
        return np.full((len(texts), 4), self.passes, np.float32)


class Wordless:
    card = card()

    def embed(self, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        raise NotImplementedError


@asynccontextmanager
async def full_of_video(device: DeviceThread) -> AsyncIterator[None]:
    """While it is open, `FEEDERS` batches wait behind the one under way."""

    async def feed() -> None:
        while True:
            await device.embed("scene", [[GREY]])

    async with asyncio.TaskGroup() as tasks:
        feeding = [tasks.create_task(feed()) for _ in range(FEEDERS + 1)]
        await device.embed("scene", [[GREY]])
        yield
        for each in feeding:
            each.cancel()


def test_a_query_waits_for_the_batch_under_way_and_not_for_those_behind_it() -> None:
    model = Counting()

    async def main() -> tuple[list[float], list[int]]:
        queries, videos = [], []
        with closing(DeviceThread("cpu", lambda *_: model)) as device:
            await device.load(embedder().config)
            async with full_of_video(device):
                for _ in range(QUERIES):
                    before = model.passes
                    queries.append(float((await device.embed_text("scene", ["a bus"]))[0, 0]) - before)
                    before = model.passes
                    await device.embed("scene", [[GREY]])
                    videos.append(model.passes - before)
        return queries, videos

    queries, videos = asyncio.run(main())
    assert np.percentile(queries, 95) < 2
    assert max(queries) <= 2  # the one under way, and one that ends between the count and the question
    assert np.median(videos) > FEEDERS  # what is not urgent waits for all of it


def test_the_usual_runs_in_order_and_the_urgent_before_it() -> None:
    ran: list[str] = []
    under_way, go_on = threading.Event(), threading.Event()

    def first() -> None:
        under_way.set()
        go_on.wait(5)

    async def main() -> None:
        turns = Turns("made")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(turns.run(first))
            await asyncio.to_thread(under_way.wait, 5)
            for name in ("a", "b"):
                tasks.create_task(turns.run(partial(ran.append, name)))
            for name in ("urgent a", "urgent b"):
                tasks.create_task(turns.run(partial(ran.append, name), urgent=True))
            await asyncio.sleep(0)  # all of them have asked
            go_on.set()
        turns.close()

    asyncio.run(main())
    assert ran == ["urgent a", "urgent b", "a", "b"]


def test_raises_what_the_work_raises() -> None:
    async def main() -> None:
        with closing(Turns("made")) as turns, pytest.raises(ZeroDivisionError):
            await turns.run(lambda: 1 / 0)

    asyncio.run(main())


def test_closing_leaves_nobody_waiting() -> None:
    under_way, go_on = threading.Event(), threading.Event()

    def first() -> None:
        under_way.set()
        go_on.wait(5)

    async def main() -> list[bool]:
        turns = Turns("made")
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(turns.run(first))]
            asked += [tasks.create_task(turns.run(first, urgent=urgent)) for urgent in (False, True)]
            await asyncio.to_thread(under_way.wait, 5)
            turns.close()
            await asyncio.wait(asked[1:], timeout=5)
            ended = [task.cancelled() for task in asked]
            go_on.set()
        return ended

    assert asyncio.run(main()) == [False, True, True]


def test_a_model_without_words_says_so() -> None:
    async def main() -> None:
        with closing(DeviceThread("cpu", lambda *_: Wordless())) as device:
            await device.load(embedder().config)
            with pytest.raises(ModelError, match='model = "made" has neither a text tower nor trained'):
                await device.embed_text("scene", ["a bus"])

    asyncio.run(main())
