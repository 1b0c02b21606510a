"""Publishing to a real Redis: what stands there afterwards."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from stream.config import RedisConfig
from stream.connection import check, connect
from stream.errors import RedisError
from stream.frames import Clock
from stream.metrics import Drop
from stream.record import EntryId
from tests.integration.publishing import tell, working
from tests.peers.redis_server import RedisServer
from tests.records import T0, stored, windows

pytestmark = pytest.mark.integration


def test_records_stand_in_their_camera_and_embedders_stream(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(1, 2, 3)
            work.offer(4, camera="gate")
            work.offer(5, embedder="action")
            await work.finish()
            assert await windows(work.client) == [1, 2, 3]
            assert await windows(work.client, "livevec:gate:scene") == [4]
            assert await windows(work.client, "livevec:dock:action") == [5]
            assert work.published == work.in_the_books == 5

    tell(story())


def test_the_id_is_the_windows_end_and_the_vector_is_bytes(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(7, captured_at=T0 - 0.25)
            await work.finish()
            entries: Any = await work.client.xrange("livevec:dock:scene")
            [(entry_id, fields)] = entries
            assert entry_id == b"1700000007000-0"
            assert fields[b"embedding"] == np.array([7, 0, 0, 1], "<f4").tobytes()
            assert (fields[b"end"], fields[b"age_ms"]) == (b"1700000007.000", b"250.000")

    tell(story())


def test_ids_continue_where_an_earlier_run_ended_though_the_clock_stepped_back(
    redis_server: RedisServer,
) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(3600)
            await work.finish()
        async with working(redis_server.url) as work:
            work.offer(1, 2, 3601)
            await work.finish()
            last_ms = round((T0 + 3600) * 1000)
            assert await stored(work.client) == [
                (EntryId(last_ms, 0), 3600),
                (EntryId(last_ms, 1), 1),
                (EntryId(last_ms, 2), 2),
                (EntryId(last_ms + 1000, 0), 3601),
            ]

    tell(story())


def test_ids_continue_though_the_stream_was_emptied(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(9)
            await work.finish()
            await work.client.xtrim("livevec:dock:scene", maxlen=0, approximate=False)
        async with working(redis_server.url) as work:
            work.offer(8)
            await work.finish()
            assert await stored(work.client) == [(EntryId(round((T0 + 9) * 1000), 1), 8)]

    tell(story())


def test_the_same_file_twice_makes_no_second_copy(redis_server: RedisServer) -> None:
    async def story() -> None:
        for session in (1, 2):
            async with working(redis_server.url) as work:
                for number in range(1, 30):
                    work.offer(number, clock=Clock.FILE, session=session)
                    work.offer(number, clock=Clock.FILE, session=session, scale=1, span_s=8.0)
                await work.finish()
                entries = await stored(work.client)
                assert [entry_id.n for entry_id, _ in entries] == [1, 2] * 29
                assert work.published == work.in_the_books == 58

    tell(story())


def test_a_file_embedded_anew_by_another_model_is_refused_and_says_so(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(1, 2, clock=Clock.FILE)
            work.offer(1, 2, 3, clock=Clock.FILE, space="ba9876543210")
            await work.finish()
            assert await windows(work.client) == [1, 2, 3]
            assert (work.published, work.dropped(Drop.REFUSED)) == (3, 2)
            [refusal] = await work.events("refused")
            assert "holds another window there" in refusal["reason"]

    tell(story())


def test_streams_are_trimmed(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url, maxlen=100) as work:
            work.offer(*range(1, 1001))
            await work.finish()
            left = await windows(work.client)
            assert left == list(range(1001 - len(left), 1001))
            assert 100 <= len(left) < 300  # Redis trims whole nodes, of 100 entries
            assert work.published == 1000

    tell(story())


def test_states_and_events_stand_beside_the_records(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            assert await work.publisher.last_sessions() == {}
            work.publisher.set_camera("dock", {"session": 3, "state": "connecting"})
            work.publisher.set_camera("dock", {"session": 4, "state": "live"})
            work.publisher.event("connected", "dock", codec="h264", fps=25)
            work.publisher.event("lost", "dock", code="timeout")
            await work.finish()
            state: Any = await work.client.hgetall("livevec:cameras")
            assert json.loads(state[b"dock"]) == {"session": 4, "state": "live"}
            [connected] = await work.events("connected")
            assert connected == {
                "at": f"{T0:.3f}",
                "kind": "connected",
                "camera": "dock",
                "codec": "h264",
                "fps": "25",
            }
            assert len(await work.events("lost")) == 1
            assert await work.publisher.last_sessions() == {"dock": 4}

    tell(story())


def test_the_prefix_is_the_configured_one(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url, prefix="site:a") as work:
            work.offer(1)
            work.publisher.event("connected")
            work.publisher.set_camera("dock", {})
            await work.finish()
            keys = {b"site:a:dock:scene", b"site:a:events", b"site:a:cameras"}
            assert set(await work.client.keys()) == keys

    tell(story())


def test_many_windows_of_many_cameras_stay_in_order(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            for number in range(1, 101):
                for camera in range(10):
                    work.offer(number, camera=f"cam{camera}")
            await work.finish()
            for camera in range(10):
                entries = await stored(work.client, f"livevec:cam{camera}:scene")
                assert [window for _, window in entries] == list(range(1, 101))
                assert all(before < after for (before, _), (after, _) in pairwise(entries))
            assert work.published == work.in_the_books == 1000

    tell(story())


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    async def story() -> None:
        config = RedisConfig(url="redis://livevec:s3cret@127.0.0.1:1/0")
        async with connect(config) as client:
            with pytest.raises(RedisError, match=r"127\.0\.0\.1:1.* cannot be reached") as caught:
                await check(client, config)
            assert "s3cret" not in str(caught.value)

    tell(story())


def test_a_wrong_password_is_told_from_no_server(redis_server: RedisServer) -> None:
    async def story() -> None:
        url = redis_server.url.replace("127.0.0.1", "livevec:s3cret@127.0.0.1")
        config = RedisConfig(url=url)
        async with connect(config) as client:
            with pytest.raises(RedisError, match="does not let us in") as caught:
                await check(client, config)
            assert "s3cret" not in str(caught.value)

    tell(story())


def test_a_unix_socket_will_do(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(f"unix://{redis_server.settings['unixsocket']}") as work:
            work.offer(1)
            await work.finish()
            assert await windows(work.client) == [1]

    tell(story())
