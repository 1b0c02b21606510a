"""Appends entries to Redis streams, each once.

One writer per key and ids of our own that grow: an `XADD` that is repeated because its reply was lost is
refused as "equal or smaller", and a look at the stream tells whether the entry stands. A batch is one
transaction: else a server at the limit of its memory could take a key's second entry and not its first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

import redis
import redis.asyncio

from stream.connection import Verdict, classify, reason
from stream.entries import Entry
from stream.record import EntryId, EntryIds


class Fate(Enum):
    """How a try to write an entry ended."""

    WRITTEN = "written"  # now, or by an earlier try
    REFUSED = "refused"  # it never will be
    AGAIN = "again"  # somebody else writes to its key: it gets another id


class Outcome(NamedTuple):
    fate: Fate
    why: str = ""


class Appender:
    """One try at a time. Event loop only."""

    def __init__(self, client: redis.asyncio.Redis, maxlen: int, now: Callable[[], float]) -> None:
        self._redis = client
        self._maxlen = maxlen
        self._now = now
        self._ids: dict[str, EntryIds] = {}

    async def write(self, batch: Sequence[Entry]) -> list[Outcome]:
        """In the batch's order. Raises what passes by itself: then the same batch is to be written again."""
        outcomes = await self._choose_ids(batch)
        ready = [entry for entry in batch if entry not in outcomes]
        replies = await self._transact(ready)
        outcomes |= {entry: _outcome(reply) for entry, reply in zip(ready, replies, strict=True)}
        older = [entry for entry, outcome in outcomes.items() if outcome.fate is Fate.AGAIN]
        outcomes |= await self._look_for(older)
        return [outcomes[entry] for entry in batch]

    async def _choose_ids(self, batch: Sequence[Entry]) -> dict[Entry, Outcome]:
        """Continues each key's ids. Returns what is refused, because its key is not to be read."""
        unknown = {entry.key: None for entry in batch if entry.key not in self._ids}
        refused = await self._read_last_ids(list(unknown))
        for entry in batch:
            if entry.id is None and entry.key in self._ids:
                entry.id = entry.choose_id(self._ids[entry.key])
        return {entry: refused[entry.key] for entry in batch if entry.key in refused}

    async def _read_last_ids(self, keys: Sequence[str]) -> dict[str, Outcome]:
        pipe = self._redis.pipeline(transaction=False)
        for key in keys:
            pipe.xinfo_stream(key)
        refused = {}
        for key, reply in zip(keys, await pipe.execute(raise_on_error=False), strict=True):
            if isinstance(reply, dict):
                self._ids[key] = EntryIds(EntryId.parse(reply["last-generated-id"].decode()))
            elif "no such key" in reason(reply):
                self._ids[key] = EntryIds()
            else:
                refused[key] = _outcome(reply)
        return refused

    async def _transact(self, batch: Sequence[Entry]) -> list[Any]:
        """A reply or an error for each."""
        pipe = self._redis.pipeline(transaction=True)
        for entry in batch:
            fields: Mapping[Any, Any] = entry.fields(self._now())
            pipe.xadd(entry.key, dict(fields), id=str(entry.id), maxlen=self._maxlen, approximate=True)
        try:
            return list(await pipe.execute(raise_on_error=False))
        except redis.ResponseError as error:  # one was refused before the transaction: none was written
            if classify(error) is not Verdict.FINAL:
                raise
            return [error] if len(batch) == 1 else [(await self._transact([each]))[0] for each in batch]

    async def _look_for(self, older: Sequence[Entry]) -> dict[Entry, Outcome]:
        """Of those refused as older than the newest of their key: which stand in it?"""
        pipe = self._redis.pipeline(transaction=False)
        for entry in older:
            pipe.xrange(entry.key, str(entry.id), str(entry.id))
        found = await pipe.execute(raise_on_error=False)
        return {entry: self._told(entry, reply) for entry, reply in zip(older, found, strict=True)}

    def _told(self, entry: Entry, found: Iterable[Any] | Exception) -> Outcome:
        if isinstance(found, Exception):
            return _outcome(found)
        if any(entry.is_at(fields) for _, fields in found):
            return Outcome(Fate.WRITTEN)
        if not entry.lifted:
            return Outcome(
                Fate.REFUSED, f"{entry.key} is past {entry.id}, and holds another window there or none"
            )
        self._ids.pop(entry.key, None)
        entry.id = None
        return Outcome(Fate.AGAIN)


def _outcome(reply: object) -> Outcome:
    """Raises an error that passes by itself."""
    if not isinstance(reply, Exception):
        return Outcome(Fate.WRITTEN)
    verdict = classify(reply)
    if verdict is Verdict.RETRY:
        raise reply
    return Outcome(Fate.AGAIN if verdict is Verdict.OLDER else Fate.REFUSED, reason(reply))
