"""What consumers use to read the records back. Needs redis and numpy, no torch."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from random import Random
from typing import Any, TypeAlias, TypeVar

import redis.asyncio
from redis.utils import str_if_bytes

from stream.backoff import waits
from stream.connection import RedisFailure, Verdict, classify, reason
from stream.errors import ConfigError, RedisError
from stream.record import Embedding, InvalidRecord, decode, stream_key

T = TypeVar("T")

RawEntry: TypeAlias = tuple[bytes, Mapping[bytes, bytes]]

BLOCK_MS = 1_000  # well under any socket's time-out, so that a quiet stream is not taken for a dead server
RESCAN_S = 1.0  # and the read before it: a new camera's stream is seen after at most 2 s
ENTRIES = 100  # per stream and read
FROM_NOW_ON = b"$"
_KEYS = 1_000  # per step of a scan
_SINCE = re.compile(r"(?P<id>\d+(-\d+)?)|(?P<ago>\d+(\.\d+)?)(?P<unit>[smhd])")
_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


async def follow(
    client: redis.asyncio.Redis,
    *,
    prefix: str = "livevec",
    cameras: Collection[str] | None = None,
    embedders: Collection[str] | None = None,
    since: str = "$",
) -> AsyncGenerator[tuple[str, Embedding], None]:
    """Entry ids and embeddings, for ever: what is there after `since`, then what comes, with no gap between.

    `since` is `$` (from now on), an entry id (`0`: everything), or how far back: `30s`, `10m`, `1h`, `2d`.
    Cameras that come later are followed from their first record. An outage of Redis is waited out.
    Raises InvalidRecord where an entry cannot be read, RedisError where Redis refuses.
    """
    start = await _start(client, since)
    streams = _Streams(client, prefix, cameras, embedders)
    await _once(lambda: streams.look_for_new(start))
    clock = asyncio.get_running_loop().time
    looked_at = clock()
    while True:
        if clock() - looked_at >= RESCAN_S:
            await _patiently(lambda: streams.look_for_new(b"0-0"))
            looked_at = clock()
        for key, entries in await _patiently(streams.read):
            for entry_id, fields in entries:
                streams.positions[key] = entry_id
                yield entry_id.decode(), _decode(key, entry_id, fields)


async def latest(
    client: redis.asyncio.Redis, camera: str, embedder: str, *, prefix: str = "livevec"
) -> Embedding | None:
    """The newest, of whichever of its windows; None if there is none. Raises InvalidRecord, RedisError."""
    key = stream_key(prefix, camera, embedder).encode()
    newest = await _once(lambda: _newest(client, key))
    return _decode(key, *newest) if newest else None


async def cameras(client: redis.asyncio.Redis, *, prefix: str = "livevec") -> dict[str, dict[str, Any]]:
    """Each camera's state as last published (`stream.status`). Raises InvalidRecord, RedisError."""
    states = await _once(lambda: client.hgetall(f"{prefix}:cameras"))
    return {str_if_bytes(camera): _state(str_if_bytes(camera), state) for camera, state in states.items()}


def _state(camera: str, text: bytes | str) -> dict[str, Any]:
    with suppress(ValueError):
        state = json.loads(text)
        if isinstance(state, dict):
            return state
    raise InvalidRecord(f"the state of camera {camera} is not a JSON object: {text[:40]!r}")


class _Streams:
    """The streams that are followed, and how far each has been read."""

    def __init__(
        self,
        client: redis.asyncio.Redis,
        prefix: str,
        cameras: Collection[str] | None,
        embedders: Collection[str] | None,
    ) -> None:
        self._redis = client
        self._prefix = prefix
        self._cameras = cameras
        self._embedders = embedders
        self.positions: dict[bytes, bytes] = {}

    async def look_for_new(self, start: bytes) -> None:
        """`start`: an entry id, or `$` for each stream's newest."""
        async for key in self._redis.scan_iter(f"{self._prefix}:*:*", count=_KEYS, _type="stream"):
            if key not in self.positions and self._is_wanted(key):
                newest = await _newest(self._redis, key) if start == FROM_NOW_ON else (start, {})
                self.positions[key] = newest[0] if newest else b"0-0"

    async def read(self) -> list[tuple[bytes, list[RawEntry]]]:
        """The next entries of each stream; waits for them for a moment."""
        if not self.positions:
            await asyncio.sleep(BLOCK_MS / 1000)
            return []
        positions: dict[Any, Any] = dict(self.positions)
        streams: Any = await self._redis.xread(positions, count=ENTRIES, block=BLOCK_MS)
        return list(streams.items() if isinstance(streams, dict) else streams)  # RESP3 has a dict

    def _is_wanted(self, key: bytes) -> bool:
        camera, _, embedder = key.decode().removeprefix(f"{self._prefix}:").partition(":")
        return (
            ":" not in embedder  # else another prefix, that begins with ours
            and (self._cameras is None or camera in self._cameras)
            and (self._embedders is None or embedder in self._embedders)
        )


async def _newest(client: redis.asyncio.Redis, key: bytes) -> RawEntry | None:
    entries: Any = await client.xrevrange(key, count=1)
    return entries[0] if entries else None


async def _start(client: redis.asyncio.Redis, since: str) -> bytes:
    """`$` or an entry id. Time is the server's."""
    match = _SINCE.fullmatch(since)
    if since == "$":
        return FROM_NOW_ON
    if match is None:
        raise ConfigError(
            f"since {since!r}: expected $, an entry id, or how far back, such as 30s, 10m, 1h, 2d"
        )
    if match["id"]:
        return since.encode()
    seconds, _ = await _once(client.time)
    return f"{max(0, int((seconds - float(match['ago']) * _UNIT_S[match['unit']]) * 1000))}".encode()


def _decode(key: bytes, entry_id: bytes, fields: Mapping[bytes, bytes]) -> Embedding:
    try:
        return decode(fields)
    except InvalidRecord as error:
        raise InvalidRecord(f"{key.decode()} {entry_id.decode()}: {error}") from None


async def _once(call: Callable[[], Awaitable[T]]) -> T:
    try:
        return await call()
    except RedisFailure as error:
        raise RedisError(f"Redis: {reason(error)}") from None


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Waits out what passes by itself. Raises RedisError."""
    pauses = waits(0.1, 2.0, Random())
    while True:
        try:
            return await call()
        except RedisFailure as error:
            if classify(error) is not Verdict.RETRY:
                raise RedisError(f"Redis refuses: {reason(error)}") from None
            await asyncio.sleep(next(pauses))
