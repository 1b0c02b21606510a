"""Made-up embeddings, and what a stream holds of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import redis.asyncio

from stream.frames import Clock
from stream.record import Embedding, EntryId, Kind, decode

T0 = 1_700_000_000.0  # Unix seconds


def embedding(number: int, **changes: Any) -> Embedding:
    """Window `number` of a session: spans 4 s, ends on second `number`, and says its number in its vector."""
    values: dict[str, Any] = {
        "camera": "dock",
        "embedder": "scene",
        "kind": Kind.FRAMES,
        "model": "made",
        "weights": "random",
        "space": "0123456789ab",
        "vector": np.array([number, 0, 0, 1], np.float32),
        "start": T0 + number - 4,
        "end": T0 + number,
        "span_s": 4.0,
        "hop_s": 1.0,
        "frames": 8,
        "coverage": 1.0,
        "session": 1,
        "window": number,
        "clock": Clock.ARRIVAL,
        "decode_ms": 1.5,
        "queue_ms": 2.25,
        "embed_ms": 3.125,
        "captured_at": T0 + number,
    }
    return Embedding(**(values | changes))


async def stored(client: redis.asyncio.Redis, key: str = "livevec:dock:scene") -> list[tuple[EntryId, int]]:
    """Ids and window numbers, as they stand in the stream."""
    entries: Any = await client.xrange(key)
    return [(EntryId.parse(entry_id.decode()), decode(fields).window) for entry_id, fields in entries]


async def windows(client: redis.asyncio.Redis, key: str = "livevec:dock:scene") -> list[int]:
    return [window for _, window in await stored(client, key)]
