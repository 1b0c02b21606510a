"""The private Valkey: one owner, found by others, never left over."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from stream.config import RedisConfig
from stream.connection import connect
from stream.embedded import EmbeddedServer, embedded_url, find_embedded
from stream.errors import RedisError
from tests.integration.publishing import tell
from tests.logged import logged
from tests.peers.redis_server import VALKEY, RedisServer, ends, program_of

pytestmark = pytest.mark.integration

OWNER = """
import asyncio, sys
from pathlib import Path
from stream.embedded import EmbeddedServer

async def own():
    async with EmbeddedServer(Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(own())
"""


@contextmanager
def another_owner(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another livevec, and the process id of its Valkey."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with connect(RedisConfig(url=url)) as client:
        yield client


def hangs_up(connection: socket.socket) -> bool:
    """Waits for it."""
    connection.settimeout(10)
    return connection.recv(1) == b""


def test_it_answers_at_once_and_is_gone_afterwards(tmp_path: Path) -> None:
    async def story() -> None:
        async with EmbeddedServer(tmp_path) as server, client_of(server.url) as client:
            assert await client.ping()
            assert find_embedded(tmp_path) == server.url == embedded_url(tmp_path)
            pid = server.pid
        assert ends(pid)
        assert find_embedded(tmp_path) is None

    tell(story())


def test_it_is_private_durable_and_evicts_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        folder = tmp_path / "state"
        async with EmbeddedServer(folder) as server, client_of(server.url) as client:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert stat.S_IMODE((folder / "valkey.sock").stat().st_mode) == 0o700
            settings: Any = await client.config_get("*")
            wanted = {"port": "0", "appendonly": "yes", "maxmemory-policy": "noeviction"}
            assert {name: settings[name] for name in wanted} == wanted

    tell(story())


def test_what_was_written_is_there_next_time(tmp_path: Path) -> None:
    async def story() -> None:
        async with EmbeddedServer(tmp_path) as server, client_of(server.url) as client:
            await client.xadd("livevec:dock:scene", {"v": "1"}, id="7-0")
        async with EmbeddedServer(tmp_path) as server, client_of(server.url) as client:
            assert await client.xrange("livevec:dock:scene") == [(b"7-0", {b"v": b"1"})]

    tell(story())


def test_the_state_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert embedded_url() == f"unix://{tmp_path}/livevec/valkey.sock"
    assert find_embedded() is None
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert embedded_url() == "unix:///home/somebody/.local/state/livevec/valkey.sock"


def test_a_folder_with_odd_characters_will_do(tmp_path: Path) -> None:
    async def story() -> None:
        folder = tmp_path / "a b?c#d%20é"
        async with EmbeddedServer(folder) as server, client_of(server.url) as client:
            assert await client.ping()

    tell(story())


def test_a_second_owner_is_refused_and_told_how_to_share(tmp_path: Path) -> None:
    async def story() -> None:
        async with EmbeddedServer(tmp_path) as server, client_of(server.url) as client:
            with pytest.raises(RedisError, match=rf"process {os.getpid()}\) runs .* url = '{server.url}'"):
                await EmbeddedServer(tmp_path).__aenter__()
            assert await client.ping()

    tell(story())


def test_an_owner_that_is_killed_leaves_no_valkey_and_nothing_in_the_way(tmp_path: Path) -> None:
    with another_owner(tmp_path) as (owner, pid), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(tmp_path / "valkey.sock"))
        owner.send_signal(signal.SIGKILL)
        assert hangs_up(connection)
        assert ends(pid)

    async def story() -> None:
        async with EmbeddedServer(tmp_path) as server, client_of(server.url) as client:
            assert await client.ping()

    tell(story())


def test_a_valkey_that_was_left_over_is_ended(tmp_path: Path) -> None:
    async def story() -> None:
        left_over = RedisServer(program_of(VALKEY), tmp_path, unixsocket=str(tmp_path / "valkey.sock"))
        with left_over, socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(tmp_path / "valkey.sock"))
            async with EmbeddedServer(tmp_path) as server, client_of(server.url) as client:
                assert hangs_up(connection)
                assert await client.ping()

    tell(story())


def test_a_valkey_that_is_killed_is_started_again_with_its_records(tmp_path: Path) -> None:
    async def story() -> None:
        async with EmbeddedServer(tmp_path) as server, asyncio.TaskGroup() as tasks:
            with logged() as log:
                keeping = tasks.create_task(server.keep_running())
                async with client_of(server.url) as client:
                    await client.config_set("appendfsync", "always")
                    await client.xadd("livevec:dock:scene", {"v": "1"}, id="7-0")
                os.kill(server.pid, signal.SIGKILL)
                await log.wait_for("embedded Valkey is back")
                async with client_of(server.url) as client:
                    assert await client.xlen("livevec:dock:scene") == 1
                keeping.cancel()

    tell(story())


def test_a_valkey_that_hangs_is_killed_at_the_end(tmp_path: Path) -> None:
    async def story() -> None:
        async with EmbeddedServer(tmp_path) as server:
            pid = server.pid
            os.kill(pid, signal.SIGSTOP)
        assert ends(pid)

    tell(story())


def test_a_valkey_that_cannot_read_its_data_says_why(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "appendonlydir").mkdir()
        (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
        with pytest.raises(RedisError, match=r"does not start: .+ \(all it says is in .*valkey\.log\)"):
            await EmbeddedServer(tmp_path).__aenter__()

    tell(story())


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "file").touch()
        with pytest.raises(RedisError, match=r"file/state: .* Not a directory"):
            await EmbeddedServer(tmp_path / "file" / "state").__aenter__()
        with pytest.raises(RedisError, match="too long a path for a unix socket"):
            await EmbeddedServer(tmp_path / ("x" * 100)).__aenter__()

    tell(story())
