"""Reading the records back from a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import count

import numpy as np
import pytest

from stream import reader
from stream.errors import ConfigError, RedisError
from stream.record import Embedding, EntryId, InvalidRecord
from tests.integration.publishing import tell, working
from tests.peers.redis_server import RedisServer
from tests.records import T0

pytestmark = pytest.mark.integration

Following = AsyncGenerator[tuple[str, Embedding], None]


async def take(following: Following, most: int) -> list[int]:
    """The numbers of the next windows."""
    return [(await anext(following))[1].window for _ in range(most)]


def test_everything_from_the_start_and_then_what_comes(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(1, 2, 3)
            async with aclosing(reader.follow(work.client, since="0")) as following:
                assert await take(following, 3) == [1, 2, 3]
                work.offer(4)
                entry_id, embedding = await anext(following)
                assert entry_id == f"{round((T0 + 4) * 1000)}-0"
                assert (embedding.camera, embedding.embedder, embedding.window) == ("dock", "scene", 4)
                assert embedding.vector.tolist() == [4, 0, 0, 1]
                assert embedding.vector.dtype == np.float32

    tell(story())


def test_no_gap_and_no_repeat_between_history_and_the_live_edge(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work, asyncio.TaskGroup() as tasks:
            numbers = count(1)

            async def keep_offering() -> None:
                while True:
                    work.offer(next(numbers))
                    await asyncio.sleep(0.001)  # a rate, not a wait

            offering = tasks.create_task(keep_offering())
            async with aclosing(reader.follow(work.client, since="0")) as following:
                assert await take(following, 500) == list(range(1, 501))
            offering.cancel()

    tell(story())


def test_from_now_on_leaves_out_what_is_there(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(1, 2, 3)
            await work.finish()
        async with (
            working(redis_server.url) as work,
            aclosing(reader.follow(work.client)) as following,
            asyncio.TaskGroup() as tasks,
        ):
            first = tasks.create_task(take(following, 1))
            number = 4
            while not first.done():
                work.offer(number)
                number += 1
                await asyncio.wait([first], timeout=0.05)
            assert first.result()[0] >= 4

    tell(story())


def test_a_camera_that_comes_later_is_followed_from_its_first_record(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(1)
            async with aclosing(reader.follow(work.client, since="0")) as following:
                assert await take(following, 1) == [1]
                work.offer(7, 8, camera="new")
                assert await take(following, 2) == [7, 8]

    tell(story())


def test_only_the_cameras_and_embedders_that_are_asked_for(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(1)
            work.offer(2, camera="gate")
            work.offer(3, embedder="action")
            work.offer(4, camera="gate", embedder="action")
            work.publisher.event("connected", "dock")
            await work.finish()
            wanted = reader.follow(work.client, cameras=["gate"], embedders={"action"}, since="0")
            async with aclosing(wanted) as following:
                assert await take(following, 1) == [4]
            async with aclosing(reader.follow(work.client, since="0")) as following:
                assert sorted(await take(following, 4)) == [1, 2, 3, 4]

    tell(story())


def test_another_prefix_is_another_world(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with (
            working(redis_server.url, prefix="livevec:site") as other,
            working(redis_server.url) as work,
        ):
            other.offer(1)
            work.offer(2)
            await other.finish()
            await work.finish()
            async with aclosing(reader.follow(work.client, since="0")) as following:
                assert await take(following, 1) == [2]
            theirs = reader.follow(work.client, prefix="livevec:site", since="0")
            async with aclosing(theirs) as following:
                assert await take(following, 1) == [1]

    tell(story())


def test_after_an_entry_or_a_span_of_time(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            seconds, _ = await work.client.time()
            ages_s = {1: 7_300, 2: 3_500, 3: 500, 4: 20}
            for number, age_s in ages_s.items():
                work.offer(number, end=float(seconds - age_s))
            await work.finish()
            for since, first in {"2h": 2, "1h": 2, "10m": 3, "30s": 4, "0.5d": 1}.items():
                async with aclosing(reader.follow(work.client, since=since)) as following:
                    assert await take(following, 1) == [first], since
            after = str(EntryId((seconds - 3_500) * 1000, 0))
            async with aclosing(reader.follow(work.client, since=after)) as following:
                assert await take(following, 2) == [3, 4]

    tell(story())


@pytest.mark.parametrize("since", ["", "yesterday", "1w", "-5m", "1-2-3"])
def test_a_start_that_is_not_understood_is_named(redis_server: RedisServer, since: str) -> None:
    async def story() -> None:
        async with (
            working(redis_server.url) as work,
            aclosing(reader.follow(work.client, since=since)) as all_,
        ):
            with pytest.raises(ConfigError, match=r"since .*: expected"):
                await anext(all_)

    tell(story())


def test_an_outage_is_waited_out_without_a_gap(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(1)
            async with aclosing(reader.follow(work.client, since="0")) as following:
                assert await take(following, 1) == [1]
                redis_server.kill()
                work.offer(2, 3)
                await work.redis_lost()
                redis_server.start()
                assert await take(following, 2) == [2, 3]

    tell(story())


def test_no_server_at_the_start_is_an_error() -> None:
    async def story() -> None:
        async with (
            working("redis://127.0.0.1:1") as work,
            aclosing(reader.follow(work.client, since="0")) as following,
        ):
            with pytest.raises(RedisError, match=r"127\.0\.0\.1:1"):
                await anext(following)

    tell(story())


def test_an_entry_that_is_no_record_is_not_passed_over(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            await work.client.xadd("livevec:dock:scene", {"v": "2"}, id="5-0")
            async with aclosing(reader.follow(work.client, since="0")) as following:
                with pytest.raises(InvalidRecord, match=r"livevec:dock:scene 5-0: record version '2'"):
                    await anext(following)

    tell(story())


def test_the_latest_record(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            assert await reader.latest(work.client, "dock", "scene") is None
            work.offer(1, 2, 3)
            await work.finish()
            newest = await reader.latest(work.client, "dock", "scene")
            assert newest is not None
            assert newest.window == 3
            await work.client.set("livevec:gate:scene", "not a stream")
            with pytest.raises(RedisError, match="WRONGTYPE"):
                await reader.latest(work.client, "gate", "scene")

    tell(story())


def test_the_cameras_states(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            assert await reader.cameras(work.client) == {}
            work.publisher.set_camera("dock", {"session": 2, "state": "live"})
            await work.finish()
            assert await reader.cameras(work.client) == {"dock": {"session": 2, "state": "live"}}
            await work.client.hset("livevec:cameras", "gate", "not JSON")
            with pytest.raises(InvalidRecord, match="camera gate"):
                await reader.cameras(work.client)

    tell(story())
