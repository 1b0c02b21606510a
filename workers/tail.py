"""`livevec tail`: the records as they come, a line each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from stream.config import RedisConfig
from stream.connection import check, connect
from stream.embedded import find_embedded
from stream.errors import RedisError
from stream.frames import Clock, Vector
from stream.reader import follow
from stream.record import Embedding, encode

SIMILAR, CHANGED = 0.95, 0.8  # where the cosine's colour changes; a guide for the eye, models differ


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records, and how they are shown."""

    cameras: Collection[str] | None = None  # None: all
    embedders: Collection[str] | None = None
    since: str = "$"
    as_json: bool = False
    vectors: bool = False  # in the JSON


@dataclass(slots=True)
class Neighbours:
    """The window before each window: of the same camera, embedder and span."""

    _last: dict[tuple[str, str, float], tuple[str, Vector]] = field(default_factory=dict)

    def cosine(self, embedding: Embedding) -> float | None:
        """To the window before; None for a first one and where the space has changed. Vectors are unit."""
        which = (embedding.camera, embedding.embedder, embedding.span_s)
        space, vector = self._last.get(which, ("", embedding.vector))
        self._last[which] = (embedding.space, embedding.vector)
        return float(vector @ embedding.vector) if space == embedding.space else None


def run(redis: RedisConfig, wanted: Wanted) -> None:
    """Until it is interrupted. Raises RedisError, InvalidRecord, ConfigError."""
    if redis.url == "embedded" and find_embedded() is None:
        raise RedisError(
            "no livevec with an embedded Valkey runs on this machine for this user; "
            "start one, or name a server with --redis URL or --config FILE"
        )
    asyncio.run(_tail(redis, wanted))


async def _tail(redis: RedisConfig, wanted: Wanted) -> None:
    lines = JsonLines(wanted.vectors) if wanted.as_json else Lines(Screen(highlight=False, soft_wrap=True))
    neighbours = Neighbours()
    async with connect(redis) as client:
        await check(client, redis)
        records = follow(
            client,
            prefix=redis.prefix,
            cameras=wanted.cameras,
            embedders=wanted.embedders,
            since=wanted.since,
        )
        async for entry_id, embedding in records:
            lines.show(entry_id, embedding, neighbours.cosine(embedding))


class Screen(Console):
    """Leaves a broken pipe to the command line; rich would end the program with its own exit code."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class JsonLines:
    """One JSON object per record, with the names of the record's fields."""

    def __init__(self, vectors: bool) -> None:
        self._vectors = vectors

    def show(self, entry_id: str, embedding: Embedding, cosine: float | None) -> None:
        record = encode(embedding, published_at=0.0)  # for its names; the values are those that were read
        fields = {name: getattr(embedding, name) for name in record if hasattr(embedding, name)}
        dim = embedding.vector.size
        fields = {"id": entry_id, **fields, "dim": dim, "cosine_to_previous": cosine}
        if self._vectors:
            fields["embedding"] = embedding.vector.tolist()
        print(json.dumps(fields), flush=True)  # noqa: T201 # what the command is for


class Lines:
    """Aligned columns, as wide as the widest name so far."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._camera_width = self._embedder_width = 8

    def show(self, _entry_id: str, embedding: Embedding, cosine: float | None) -> None:
        camera, embedder = _printable(embedding.camera), _printable(embedding.embedder)
        self._camera_width = max(self._camera_width, len(camera))
        self._embedder_width = max(self._embedder_width, len(embedder))
        coverage = Text(f"{embedding.coverage:>4.0%}", "yellow" if embedding.coverage < 1 else "")
        columns = [
            Text(_clock_time(embedding), "dim"),
            Text(camera.ljust(self._camera_width), "bold"),
            Text(embedder.ljust(self._embedder_width)),
            Text(f"{embedding.span_s:>5g} s"),
            Text(f"{embedding.frames:>4} frames ") + coverage,
            Text(f"age {embedding.age_ms:>6.0f} ms", "dim"),
            Text(f"dim {embedding.vector.size:>4}", "dim"),
            *([_similarity(cosine)] if embedding.vector.size else []),
            *_top_label(embedding),
            *([Text(_printable(embedding.caption))] if embedding.caption else []),
        ]
        self._console.print(Text("  ").join(columns))


def _printable(name: str) -> str:
    """Anyone may write to a Redis; what is read must not steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in name)


def _clock_time(embedding: Embedding) -> str:
    """The window's end: this machine's time of day, or within a file its time code."""
    end = datetime.fromtimestamp(embedding.end, UTC)
    local = end if embedding.clock is Clock.FILE else end.astimezone()
    return local.strftime("%H:%M:%S.%f")[:-3]


def _top_label(embedding: Embedding) -> list[Text]:
    return [Text(f"{_printable(name)} {score:.2f}") for name, score in (embedding.labels or ())[:1]]


def _similarity(cosine: float | None) -> Text:
    if cosine is None:
        return Text("first", "dim")
    return Text(
        f"cos {cosine:.3f}", "green" if cosine >= SIMILAR else "yellow" if cosine >= CHANGED else "red"
    )
