"""`livevec run` with real cameras and a real Redis, and what a consumer sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest

from stream.config import RedisConfig
from stream.connection import connect
from stream.errors import RedisError
from stream.reader import cameras, follow
from stream.record import Embedding, EntryId
from tests.media import clip, write_video
from tests.peers import GstServer, RtspServer, Server
from tests.peers.redis_server import DEBIANS_REDIS, VALKEY, RedisServer, program_of
from tests.program import Livevec

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

FPS = 4  # of the embedder `scene`
STORY_S = 120.0  # torch alone takes ten seconds to import when both cores are busy

FIELDS = {
    *("v", "camera", "embedder", "kind", "model", "weights", "space", "embedding", "dim"),
    *("start", "end", "span_s", "hop_s", "frames", "coverage", "session", "window", "clock"),
    *("decode_ms", "queue_ms", "embed_ms", "age_ms"),
}
"""Of the record, version 1, as the README has them."""

CONFIG = """
[redis]
url = "{redis}"

[[cameras]]
id = "cam"
url = "{camera}"

[[embedders]]
name = "scene"
model = "efficientnet_lite0"
fps = 4
windows = [{{ span_s = 2, hop_s = 0.5 }}]

[[embedders]]
name = "action"
model = "torchvision:r3d_18"
weights = "random"
windows = [{{ span_s = 2, hop_s = 2 }}]
max_batch = 1

[reconnect]
min_s = 0.2
max_s = 1
"""


def configured(folder: Path, *, camera: str, redis: str = "embedded") -> Path:
    path = folder / "livevec.toml"
    path.write_text(CONFIG.format(camera=camera, redis=redis))
    return path


@asynccontextmanager
async def records(url: str) -> AsyncIterator[AsyncIterator[tuple[str, Embedding]]]:
    """All of the camera's records from the first on, as soon as there is a Redis."""
    async with asyncio.timeout(STORY_S), connect(RedisConfig(url=url)) as client:
        while True:
            try:
                await cameras(client)
                break
            except RedisError:
                await asyncio.sleep(0.1)
        yield follow(client, since="0")


async def take(
    stream: AsyncIterator[tuple[str, Embedding]], *, session: int, full: int
) -> list[tuple[str, Embedding]]:
    """Up to the frame-pooling windows number `full` of a session that lack nothing, and a clip of it."""
    taken: list[tuple[str, Embedding]] = []
    wanted = {"scene": full, "action": 1}
    async for entry_id, embedding in stream:
        taken.append((entry_id, embedding))
        if embedding.session == session and embedding.coverage == 1:
            wanted[embedding.embedder] -= 1
        if max(wanted.values()) <= 0:
            break
    return taken


def check_order(taken: list[tuple[str, Embedding]]) -> None:
    by_key = sorted(taken, key=lambda record: record[1].embedder)  # stable
    for embedder, group in groupby(by_key, key=lambda record: record[1].embedder):
        of_key = list(group)
        ids = [EntryId.parse(entry_id) for entry_id, _ in of_key]
        assert all(earlier < later for earlier, later in pairwise(ids)), embedder
        names = [(e.session, e.window) for _, e in of_key]
        assert names == sorted(set(names)), f"{embedder}: every window once and in order"


def check_windows(taken: list[tuple[str, Embedding]]) -> None:
    for entry_id, e in taken:
        assert EntryId.parse(entry_id).ms == pytest.approx(e.end * 1000)
        assert e.end % e.hop_s == pytest.approx(0, abs=1e-3)
        assert e.end - e.start == pytest.approx(e.span_s)
        assert 0.5 <= e.coverage <= 1
        assert (e.clock, e.camera) == ("arrival", "cam")
        assert (e.weights == "random") == (e.embedder == "action")
        assert 0 < e.age_ms < 60_000


def check_sessions(taken: list[tuple[str, Embedding]]) -> None:
    """No window reaches back over the reconnect: it holds no more frames than its session had had by then."""
    pooled = [e for _, e in taken if e.embedder == "scene"]
    assert {e.session for e in pooled} == {1, 2}
    for e in pooled:
        assert e.frames <= (e.window + 1) * e.hop_s * FPS + 1


async def story(camera: Server, redis_url: str) -> None:
    async with records(redis_url) as stream:
        taken = await take(stream, session=1, full=4)
        camera.kill()
        camera.start()
        taken += await take(stream, session=2, full=2)
    check_order(taken)
    check_windows(taken)
    check_sessions(taken)
    async with connect(RedisConfig(url=redis_url)) as client:
        newest: Any = await client.xrevrange("livevec:cam:scene", count=1)
        assert {name.decode() for name in newest[0][1]} == FIELDS
        assert (await cameras(client))["cam"]["state"] == "live"
        events: Any = await client.xrange("livevec:events")
        told = [event[b"kind"] for _, event in events]
        assert told[0] == told[-1] == b"connected"
        assert b"lost" in told


def test_gstreamers_camera_and_the_embedded_valkey(tmp_path: Path) -> None:
    with GstServer(write_video(tmp_path / "numbers.mp4", 500, size=(320, 240))) as camera:
        config = configured(tmp_path, camera=camera.url)
        with Livevec(tmp_path, "run", "--config", str(config)) as livevec:
            asyncio.run(story(camera, livevec.redis_url))
            assert livevec.terminate() == 0
    assert "Traceback" not in livevec.said


def test_the_rtsp_packages_camera_and_debians_redis(tmp_path: Path) -> None:
    server = RedisServer(program_of(DEBIANS_REDIS), tmp_path)
    with RtspServer(clip("bikes")) as camera, server:
        url = server.url.partition("?")[0]
        config = configured(tmp_path, camera=camera.url, redis=url)
        with Livevec(tmp_path, "run", "--config", str(config)) as livevec:
            asyncio.run(story(camera, url))
            assert livevec.terminate() == 0
    assert "Traceback" not in livevec.said


def test_files_end_the_run_and_a_second_run_adds_no_copy(tmp_path: Path) -> None:
    video = write_video(tmp_path / "numbers.mp4", 200)

    async def ids(url: str) -> list[list[bytes]]:
        async with connect(RedisConfig(url=url)) as client:
            keys = ("livevec:cam:scene", "livevec:cam:action")
            streams: list[Any] = [await client.xrange(key) for key in keys]
            return [[entry_id for entry_id, _ in stream] for stream in streams]

    found = []
    with RedisServer(program_of(VALKEY), tmp_path) as server:
        url = server.url.partition("?")[0]
        config = configured(tmp_path, camera=str(video), redis=url)
        for _ in range(2):
            with Livevec(tmp_path, "run", "--config", str(config)) as livevec:
                assert livevec.process.wait(STORY_S) == 0
            found.append(asyncio.run(ids(url)))
    assert found[0] == found[1]
    assert [len(of_key) for of_key in found[0]] == [15, 4]
