"""Publishing while Redis fails in many ways: nothing is lost, nothing stands twice, order is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis.asyncio

from stream.metrics import Drop, Metric
from tests.integration.publishing import Work, tell, working
from tests.peers.proxy import Proxy
from tests.peers.redis_server import RedisServer, free_port
from tests.records import T0, windows

pytestmark = pytest.mark.integration


async def assert_each_once(work: Work, numbers: range) -> None:
    """Each stands in the stream, once, in order, and so say the books."""
    assert await windows(work.client) == list(numbers)
    assert work.published == work.in_the_books == len(numbers)


def through(proxy: Proxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}"


def test_a_server_that_hangs_is_waited_out(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(*range(1, 20))
            redis_server.pause()
            work.offer(*range(20, 40))
            await work.redis_lost()
            work.offer(*range(40, 60))
            assert work.in_the_books == 59
            redis_server.resume()
            await work.redis_back()
            work.offer(*range(60, 80))
            await work.finish()
            await assert_each_once(work, range(1, 80))

    tell(story())


def test_a_server_that_is_killed_and_started_again_gets_every_window_once(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            for round_ in range(3):
                first = 1 + 300 * round_
                work.offer(*range(first, first + 100))
                await asyncio.sleep(0)  # the first batch is on its way
                redis_server.kill()
                work.offer(*range(first + 100, first + 300))
                await work.log.wait_for("redis lost", times=round_ + 1)
                redis_server.start()
                await work.log.wait_for("redis is back", times=round_ + 1)
            await work.finish()
            await assert_each_once(work, range(1, 901))

    tell(story())


def test_a_connection_that_is_cut_again_and_again_loses_nothing(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with (
            Proxy(redis_server.port) as proxy,
            working(through(proxy), direct=redis_server.url) as work,
        ):
            for number in range(1, 201):
                work.offer(number)
                await asyncio.sleep(0)
                if number % 20 == 0:
                    proxy.cut()
            await work.finish()
            await assert_each_once(work, range(1, 201))

    tell(story())


@pytest.mark.parametrize("silent", [False, True], ids=["cut", "silent"])
def test_a_reply_that_is_lost_makes_no_second_copy(redis_server: RedisServer, silent: bool) -> None:
    async def story() -> None:
        async with (
            Proxy(redis_server.port, lose_every=3, silent=silent) as proxy,
            working(through(proxy), direct=redis_server.url, maxlen=100_000) as work,
        ):
            position = "0"
            for number in range(1, 10):
                work.offer(number)
                position = await next_entry(work.client, position)  # so that each goes alone
                work.publisher.event("noted", n=number)
            await work.finish()
            assert proxy.lost >= 3
            await assert_each_once(work, range(1, 10))
            assert [event["n"] for event in await work.events("noted")] == [str(n) for n in range(1, 10)]

    tell(story())


async def next_entry(client: redis.asyncio.Redis, position: str) -> str:
    """The id of the entry after `position`, once it is there."""
    while True:
        streams: Any = await client.xread({"livevec:dock:scene": position}, count=1, block=200)
        if streams:
            [[_, [(entry_id, _)]]] = streams
            return str(entry_id.decode())


def test_beyond_the_buffer_the_oldest_go_and_are_counted(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with Proxy(redis_server.port) as proxy:
            await proxy.close()
            async with working(through(proxy), direct=redis_server.url, buffer=20) as work:
                work.offer(*range(1, 11))
                await work.redis_lost()
                work.offer(*range(11, 51))
                assert (work.dropped(Drop.BUFFER), len(work.publisher)) == (30, 20)
                await proxy.open()
                await work.redis_back()
                await work.finish()
                left = await windows(work.client)
                assert left == sorted(left)
                assert left[-1] == 50
                assert work.published == len(left) == 20
                assert work.in_the_books == 50

    tell(story())


def test_whoever_reads_a_file_can_wait_for_room(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url, buffer=5) as work:
            redis_server.pause()
            work.offer(*range(1, 6))
            await work.redis_lost()
            async with asyncio.TaskGroup() as tasks:
                waiting = tasks.create_task(work.publisher.room())
                await asyncio.sleep(0)
                assert not waiting.done()
                redis_server.resume()
            work.offer(6)
            await work.finish()
            await assert_each_once(work, range(1, 7))

    tell(story())


def test_what_happened_meanwhile_is_told_afterwards(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.publisher.set_camera("dock", {"session": 1})
            work.offer(1)
            await next_entry(work.client, "0")
            redis_server.kill()
            redis_server.settings["appendonly"] = "no"  # it comes back empty
            work.publisher.set_camera("gate", {"session": 2})
            work.publisher.event("connected", "gate")
            await work.redis_lost()
            redis_server.start()
            await work.redis_back()
            await work.finish()
            assert await work.publisher.last_sessions() == {"dock": 1, "gate": 2}
            assert len(await work.events("connected")) == 1
            [lost], [back] = await work.events("redis_lost"), await work.events("redis_back")
            assert lost["reason"]
            assert float(back["away_s"]) >= 0

    tell(story())


def test_a_key_of_the_wrong_type_harms_no_other(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            await work.client.set("livevec:bad:scene", "not a stream")
            for number in range(1, 11):
                work.offer(number)
                work.offer(number, camera="bad")
            await work.log.wait_for("redis refuses")
            await work.finish()
            assert await windows(work.client) == list(range(1, 11))
            assert (work.published, work.dropped(Drop.REFUSED), work.in_the_books) == (10, 10, 20)
            [refusal] = await work.events("refused")
            assert (refusal["camera"], refusal["embedder"]) == ("bad", "scene")
            assert "WRONGTYPE" in refusal["reason"]

    tell(story())


def test_states_that_are_refused_harm_no_record(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            await work.client.set("livevec:cameras", "not a hash")
            await work.client.set("livevec:events", "not a stream")
            for number in range(1, 4):
                work.publisher.set_camera("dock", {"session": number})
                work.publisher.event("noted", "dock", n=number)
                work.offer(number)
                await next_entry(work.client, f"{round((T0 + number) * 1000) - 1}")
            await work.finish()
            await assert_each_once(work, range(1, 4))
            assert work.counters.total(Metric.EVENTS_DROPPED, "dock") == 3
            refused = [line["key"] for line in work.log.lines["redis refuses"]]
            assert sorted(refused) == ["livevec:cameras", "livevec:events"]

    tell(story())


def test_a_key_that_turns_into_another_type_is_refused_until_it_is_mended(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(1)
            await next_entry(work.client, "0")
            await work.client.rename("livevec:dock:scene", "kept")
            await work.client.set("livevec:dock:scene", "not a stream")
            work.offer(2)
            await work.log.wait_for("redis refuses")
            await work.client.rename("kept", "livevec:dock:scene")
            work.offer(3)
            await work.finish()
            assert await windows(work.client) == [1, 3]
            assert (work.published, work.dropped(Drop.REFUSED)) == (2, 1)

    tell(story())


@pytest.mark.parametrize("may", ["+@all", "+@all -xinfo"], ids=["key", "command too"])
def test_a_key_that_the_user_may_not_write_harms_no_other(redis_server: RedisServer, may: str) -> None:
    async def story() -> None:
        async with working(redis_server.url) as own:
            user = f"ACL SETUSER limited on >s3cret %R~livevec:bad:* ~livevec:dock:* ~livevec:events {may}"
            await command(own.client, user)
            url = redis_server.url.replace("127.0.0.1", "limited:s3cret@127.0.0.1")
            async with working(url, direct=redis_server.url) as work:
                for number in range(1, 11):
                    work.offer(number)
                    work.offer(number, camera="bad")
                await work.finish()
                allowed = list(range(1, 11)) if "-xinfo" not in may else []
                assert await windows(work.client) == allowed
                assert work.published == len(allowed)
                assert work.dropped(Drop.REFUSED) == 20 - len(allowed)

    tell(story())


Deed = Callable[[redis.asyncio.Redis], Awaitable[Any]]


async def command(client: redis.asyncio.Redis, words: str) -> None:
    await client.execute_command(*words.split())  # type: ignore[no-untyped-call] # redis-py's own gap


def configured(setting: str, value: str) -> Deed:
    return lambda client: client.config_set(setting, value)


UNABLE: dict[str, tuple[Deed, Deed, str]] = {
    "out of memory": (configured("maxmemory", "1"), configured("maxmemory", "0"), "maxmemory"),
    "too few replicas": (
        configured("min-replicas-to-write", "1"),
        configured("min-replicas-to-write", "0"),
        "NOREPLICAS",
    ),
    "read-only": (
        lambda client: command(client, f"REPLICAOF 127.0.0.1 {free_port()}"),
        lambda client: command(client, "REPLICAOF NO ONE"),
        "read only replica",
    ),
}


@pytest.mark.parametrize("case", UNABLE)
def test_a_server_that_takes_no_writes_for_a_while_is_waited_out(
    redis_server: RedisServer, case: str
) -> None:
    fail, mend, answer = UNABLE[case]

    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(*range(1, 11))
            await next_entry(work.client, "0")
            await fail(work.client)
            work.offer(*range(11, 31))
            await work.redis_lost()
            assert answer in work.log.lines["redis lost"][0]["reason"]
            await mend(work.client)
            await work.redis_back()
            await work.finish()
            await assert_each_once(work, range(1, 31))

    tell(story())


def test_a_password_that_is_changed_and_changed_back_is_waited_out(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as work:
            work.offer(1)
            await next_entry(work.client, "0")
            await work.client.config_set("requirepass", "another")
            await work.client.client_kill_filter(_type="normal", skipme=True)
            work.offer(2)
            await work.log.wait_for("redis lost")
            await work.client.config_set("requirepass", "")
            await work.redis_back()
            await work.finish()
            await assert_each_once(work, range(1, 3))

    tell(story())


def test_a_second_writer_of_the_same_key_costs_no_window(redis_server: RedisServer) -> None:
    async def story() -> None:
        async with working(redis_server.url) as one, working(redis_server.url) as other:
            for number in range(1, 51):
                one.offer(number, session=1)
                other.offer(number, session=2)
                await asyncio.sleep(0)
            await one.finish()
            await other.finish()
            assert sorted(await windows(one.client)) == sorted([*range(1, 51)] * 2)
            assert one.published == other.published == 50

    tell(story())


def test_what_cannot_be_written_in_time_is_given_up_and_counted(redis_server: RedisServer) -> None:
    async def story() -> None:
        clock = asyncio.get_running_loop().time
        async with working(redis_server.url) as work:
            redis_server.pause()
            work.offer(*range(1, 11))
            began = clock()
            await work.finish(drain_s=0.5)
            assert clock() - began < 2.0  # of the 5 s that the program has for its end
            redis_server.resume()
            assert (work.published, work.dropped(Drop.SHUTDOWN)) == (0, 10)
            assert (work.in_the_books, len(work.publisher)) == (10, 0)

    tell(story())
