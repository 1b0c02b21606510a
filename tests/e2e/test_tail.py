"""`livevec tail` on a real embedded Valkey."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from stream.config import RedisConfig
from stream.connection import connect
from stream.embedded import EmbeddedServer
from stream.record import Embedding, encode, stream_key
from tests.records import T0, embedding

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

STORY_S = 60.0  # both cores may be busy


class Tail:
    """`livevec tail`, as a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def lines(self, count: int) -> list[str]:
        assert self._process.stdout is not None
        return [(await self._process.stdout.readline()).decode().rstrip("\n") for _ in range(count)]

    async def interrupt(self) -> tuple[int, str]:
        """Ctrl-C; its exit code and what it said last."""
        self._process.send_signal(signal.SIGINT)
        return await self.end()

    async def end(self) -> tuple[int, str]:
        _, said = await self._process.communicate()
        return self._process.returncode or 0, said.decode()


@asynccontextmanager
async def tail(home: Path, *arguments: str) -> AsyncIterator[Tail]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", "tail", *arguments),
        env=os.environ | {"XDG_STATE_HOME": str(home), "TZ": "UTC"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Tail(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def publish(redis: RedisConfig, *records: Embedding) -> None:
    async with connect(redis) as client:
        for record in records:
            fields: dict[Any, Any] = dict(encode(record, T0 + 99))
            await client.xadd(stream_key(redis.prefix, record.camera, record.embedder), fields)


@asynccontextmanager
async def valkey(home: Path) -> AsyncIterator[RedisConfig]:
    async with asyncio.timeout(STORY_S), EmbeddedServer(home / "livevec") as server:
        yield RedisConfig(url=server.url)


def test_finds_the_embedded_server_and_shows_a_line_for_each_record(tmp_path: Path) -> None:
    async def story() -> None:
        async with valkey(tmp_path) as redis, tail(tmp_path, "--since", "0") as tailing:
            first = embedding(1, captured_at=T0 + 98.75)
            labels = (("a \x1b[2J bus", 0.28), ("a car", 0.25))
            second = embedding(3, coverage=0.75, frames=6, vector=first.vector, labels=labels)
            await publish(redis, first, second)
            assert [" ".join(line.split()) for line in await tailing.lines(2)] == [
                "22:13:21.000 dock scene 4 s 8 frames 100% age 250 ms dim 4 first",
                "22:13:23.000 dock scene 4 s 6 frames 75% age 96000 ms dim 4 cos 2.000 a ?[2J bus 0.28",
            ]
            assert await tailing.interrupt() == (130, "")

    asyncio.run(story())


def test_json_has_a_records_fields_and_vectors_when_asked(tmp_path: Path) -> None:
    async def story() -> None:
        async with valkey(tmp_path) as redis:
            await publish(redis, embedding(1), embedding(2))
            async with tail(tmp_path, "--since", "0", "--json") as tailing:
                fields = json.loads((await tailing.lines(1))[0])
            async with tail(tmp_path, "--since", "0", "--json", "--vectors") as tailing:
                vectors = [json.loads(line)["embedding"] for line in await tailing.lines(2)]
        assert vectors == [[1, 0, 0, 1], [2, 0, 0, 1]]
        names = (
            "id camera embedder kind model weights space start end span_s hop_s frames coverage session"
            " window clock decode_ms queue_ms embed_ms age_ms dim cosine_to_previous"
        )
        assert set(names.split()) <= set(fields)
        assert "vector" not in fields
        assert (fields["camera"], fields["end"], fields["dim"]) == ("dock", T0 + 1, 4)

    asyncio.run(story())


def test_shows_only_the_cameras_and_embedders_that_are_wanted(tmp_path: Path) -> None:
    async def story() -> None:
        async with valkey(tmp_path) as redis:
            both = [embedding(1, camera=camera, embedder=name) for camera in "ab" for name in "cd"]
            await publish(redis, *both, embedding(2, camera="b", embedder="d"))
            wanted = ("--camera", "b", "--embedder", "d")
            async with tail(tmp_path, "--since", "0", "--json", *wanted) as tailing:
                found = [json.loads(line) for line in await tailing.lines(2)]
        assert [(each["camera"], each["embedder"], each["window"]) for each in found] == [
            ("b", "d", 1),
            ("b", "d", 2),
        ]

    asyncio.run(story())


def test_compares_only_windows_of_the_same_space_and_span(tmp_path: Path) -> None:
    async def story() -> None:
        async with valkey(tmp_path) as redis:
            records = [
                embedding(1),
                embedding(2, span_s=60.0),
                embedding(3),
                embedding(4, space="another"),
                embedding(5, space="another"),
            ]
            await publish(redis, *records)
            async with tail(tmp_path, "--since", "0", "--json") as tailing:
                cosines = [json.loads(line)["cosine_to_previous"] for line in await tailing.lines(5)]
        assert cosines == [None, None, 4.0, None, 21.0]

    asyncio.run(story())


def test_a_start_that_is_no_time_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with valkey(tmp_path), tail(tmp_path, "--since", "soon") as tailing:
            code, said = await tailing.end()
            assert code == 2
            assert said.startswith("livevec: since 'soon': expected $, an entry id, or how far back")

    asyncio.run(story())


@pytest.mark.parametrize("shape", [[], ["--json"]])
def test_ends_quietly_when_its_reader_has_had_enough(tmp_path: Path, shape: list[str]) -> None:
    async def story() -> tuple[int | None, bytes]:
        async with valkey(tmp_path) as redis:
            await publish(redis, embedding(1))
            command = [sys.executable, "-m", "workers", "tail", "--since", "0", "--redis", redis.url, *shape]
            reading, writing = os.pipe()
            process = await asyncio.create_subprocess_exec(
                *command, stdout=writing, stderr=asyncio.subprocess.PIPE
            )
            os.close(writing)
            await asyncio.to_thread(os.read, reading, 1)  # it has begun
            os.close(reading)
            await publish(redis, embedding(2))
            _, said = await process.communicate()
            return process.returncode, said

    assert asyncio.run(story()) == (0, b"")
