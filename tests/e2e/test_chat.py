"""Captions from an endpoint, by the program as its users start it, in a real Redis."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream.config import RedisConfig
from stream.connection import connect
from stream.record import decode
from tests.captions import KEY
from tests.media import write_video
from tests.peers.chat_server import Reply, chat_server, pictures_of, says
from tests.peers.redis_server import VALKEY, RedisServer, program_of
from tests.program import Livevec

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

STORY_S = 90.0
ECHO = Reply(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}})
CONFIG = """
[redis]
url = "{redis}"

[[cameras]]
id = "tape"
url = "{video}"

[[embedders]]
name = "words"
model = "chat:gpt-4o"
windows = [{{ span_s = 1, hop_s = 1 }}]
chat = {{ url = "{chat}", api_key = "${{KEY}}", per_minute = 600 }}
"""


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "tape.mp4", 80)


def configured(folder: Path, **values: object) -> str:
    path = folder / "livevec.toml"
    path.write_text(CONFIG.format(**values))
    return str(path)


async def said(folder: Path, *arguments: str) -> tuple[int, str]:
    """Its exit code and all that it wrote; the key is not in it."""
    environ = {"KEY": KEY, "NO_PROXY": "*"}
    with Livevec(folder, *arguments, environ=environ) as livevec:
        code = await asyncio.to_thread(livevec.process.wait, STORY_S)
        assert KEY not in livevec.said
        return code, livevec.said


async def everything_in(redis: RedisConfig) -> tuple[list[dict[bytes, bytes]], str]:
    """The captioned records; and all that livevec wrote, as text."""
    async with connect(redis) as client:
        entries: Any = await client.xrange("livevec:tape:words")
        events: Any = await client.xrange("livevec:events")
        states: Any = await client.hgetall("livevec:cameras")
        return [fields for _, fields in entries], f"{entries} {events} {states}"


def test_captions_arrive_in_records(tmp_path: Path, video: Path) -> None:
    async def story(redis: RedisServer) -> None:
        async with chat_server(says("a number", tokens=100)) as server:
            config = configured(tmp_path, redis=redis.url, video=video, chat=server.url)
            code, _ = await said(tmp_path, "run", "--config", config)
        records, text = await everything_in(RedisConfig(url=redis.url))
        read = [decode(fields) for fields in records]
        assert code == 0
        assert [(e.caption, e.model, e.weights, e.frames) for e in read] == [
            ("a number", "chat:gpt-4o", "endpoint", 4)
        ] * 3
        assert [len(pictures_of(body)) for body in server.bodies] == [4] * 3
        assert f"Bearer {KEY}" in server.heads[0]
        assert KEY not in text

    with RedisServer(program_of(VALKEY), tmp_path) as redis:
        asyncio.run(story(redis))


def test_a_wrong_key_is_said_once_and_not_shown(tmp_path: Path, video: Path) -> None:
    async def story(redis: RedisServer) -> None:
        async with chat_server(ECHO) as server:
            config = configured(tmp_path, redis=redis.url, video=video, chat=server.url)
            code, log = await said(tmp_path, "run", "--config", config)
        records, text = await everything_in(RedisConfig(url=redis.url))
        assert (code, records) == (0, [])
        assert log.count("the endpoint does not take chat.api_key") == 1
        assert text.count("captions_lost") == 1
        assert '"unauthorized": 3' in text
        assert KEY not in text

    with RedisServer(program_of(VALKEY), tmp_path) as redis:
        asyncio.run(story(redis))


def test_a_file_is_captioned_into_an_npz(tmp_path: Path, video: Path) -> None:
    async def story() -> None:
        async with chat_server(says("one"), says("two"), says("three")) as server:
            config = configured(tmp_path, redis="embedded", video=video, chat=server.url)
            output = str(tmp_path / "out.npz")
            code, log = await said(tmp_path, "embed", str(video), "--config", config, "--output", output)
        assert code == 0, log
        with np.load(output) as held:
            assert sorted(held["words.caption"]) == ["one", "three", "two"]
            assert held["words.vectors"].shape == (3, 0)

    asyncio.run(story())


def test_check_does_not_ask_the_endpoint(tmp_path: Path, video: Path) -> None:
    async def story() -> None:
        async with chat_server(says("never")) as server:
            config = configured(tmp_path, redis="embedded", video=video, chat=server.url)
            code, log = await said(tmp_path, "check", "--config", config)
            assert (code, server.heads) == (0, [])
            assert f"captions, asked of {server.url} with a key" in log

    asyncio.run(story())


def test_a_whole_file_has_no_caption(tmp_path: Path, video: Path) -> None:
    async def story() -> None:
        config = configured(tmp_path, redis="embedded", video=video, chat="http://127.0.0.1:9/v1")
        output = ("--output", str(tmp_path / "out.npz"), "--whole")
        code, log = await said(tmp_path, "embed", str(video), "--config", config, *output)
        assert code == 2
        assert "--whole: words captions windows: the whole file has no caption" in log

    asyncio.run(story())
