"""What is on its way to a Redis stream: a window's record, or an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from stream.frames import Clock
from stream.record import Embedding, EntryId, EntryIds, Fields, encode


@dataclass(slots=True, eq=False)
class Window:
    """A record. Encoded when it is written: its age counts up to then."""

    key: str
    embedding: Embedding
    id: EntryId | None = None  # chosen once, before the first try

    @property
    def lifted(self) -> bool:
        """Whether its id gives way where the stream is ahead of it."""
        return self.embedding.clock is not Clock.FILE

    def choose_id(self, ids: EntryIds) -> EntryId:
        return ids.of(self.embedding)

    def fields(self, published_at: float) -> Fields:
        return encode(self.embedding, published_at)

    def is_at(self, stored: Mapping[bytes, bytes]) -> bool:
        """A file's window is the same one in whatever session; a live camera's is not."""
        names = ["span_s", "hop_s", "window", "space", *(["session"] if self.lifted else [])]
        mine = self.fields(published_at=0.0)
        return all(stored.get(name.encode()) == _bytes(mine[name]) for name in names)


@dataclass(slots=True, eq=False)
class Event:
    """Something that happened."""

    key: str
    camera: str  # none if it is of no single one
    at: float  # Unix seconds
    what: Mapping[str, str]
    id: EntryId | None = None

    @property
    def lifted(self) -> bool:
        return True

    def choose_id(self, ids: EntryIds) -> EntryId:
        return ids.next(self.at)

    def fields(self, published_at: float) -> Fields:  # noqa: ARG002 - an event has no age
        return {"at": f"{self.at:.3f}", **self.what}

    def is_at(self, stored: Mapping[bytes, bytes]) -> bool:
        return stored == {name.encode(): _bytes(value) for name, value in self.fields(0.0).items()}


Entry: TypeAlias = Window | Event


def _bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
