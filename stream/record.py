"""The record on the wire, version 1: one window's embedding as the fields of a Redis stream entry."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

from stream.errors import LivevecError
from stream.frames import Clock, Vector

VERSION = "1"

T = TypeVar("T")

Fields: TypeAlias = dict[str, bytes | str]
"""A stream entry as it is written."""

Scored: TypeAlias = tuple[tuple[str, float], ...]
"""Words with their cosines to a window's vector, nearest first."""

WIRE_FLOAT = np.dtype("<f4")  # what Redis vector fields and `VADD … FP32` take


class Kind(StrEnum):
    """How an embedder sees a window."""

    FRAMES = "frames"  # an image model on each sampled frame, pooled
    CLIP = "clip"  # a video model on T frames at once


class InvalidRecord(LivevecError):
    """A stream entry that is not a record of a version known here."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """One window of one camera as seen by one embedder."""

    camera: str
    embedder: str
    kind: Kind
    model: str
    weights: str  # `random` if untrained
    space: str  # 12 hex digits; vectors of different spaces are never compared
    vector: Vector
    start: float  # Unix seconds; the window is (start, end]
    end: float
    span_s: float
    hop_s: float
    frames: int  # used
    coverage: float  # share of the expected frames that were used, 0 to 1
    session: int
    window: int  # hops from the session's first window
    clock: Clock
    decode_ms: float
    queue_ms: float
    embed_ms: float
    captured_at: float | None = (
        None  # of the newest frame, Unix seconds; not on the wire: None once read back
    )
    age_ms: float = 0.0  # published - captured, of the newest frame; set when it is written
    scale: int = 0  # which of its embedder's windows, from 0; on the wire only within a file's entry ids
    motion: float | None = None  # 1 - mean cosine of neighbouring frames; on the wire only if asked for
    novelty: float | None = None  # 1 - largest cosine to the recent past; likewise
    labels: Scored | None = None  # the nearest of the words that were asked for; likewise
    caption: str | None = None  # of a captioning endpoint, whose records alone may have `dim` 0: no vector


class EntryId(NamedTuple):
    """`<ms>-<n>`; compares as Redis does."""

    ms: int
    n: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.n}"

    @classmethod
    def parse(cls, text: str) -> EntryId:
        ms, _, n = text.partition("-")
        return cls(int(ms), int(n or 0))


class EntryIds:
    """The ids of one key, always growing: where the clock stepped back, `ms` stays and `n` grows."""

    def __init__(self, last: EntryId | None = None) -> None:
        self._last = last or EntryId(0, 0)

    def next(self, at_s: float) -> EntryId:
        """For what happened at `at_s`, Unix seconds."""
        self._last = max(EntryId(_ms(at_s), 0), EntryId(self._last.ms, self._last.n + 1))
        return self._last

    def of(self, embedding: Embedding) -> EntryId:
        """A file's are not lifted: the same file gives the same ids, and so no second copy.

        They count scales from 1, since a file may begin at 0 and Redis refuses 0-0.
        """
        if embedding.clock is Clock.FILE:
            return EntryId(_ms(embedding.end), embedding.scale + 1)
        return self.next(embedding.end)


def _ms(at_s: float) -> int:
    return round(at_s * 1000)


def stream_key(prefix: str, camera: str, embedder: str) -> str:
    return f"{prefix}:{camera}:{embedder}"


def encode(embedding: Embedding, published_at: float) -> Fields:
    """`published_at` in Unix seconds. One that was read from Redis keeps the age it was published with."""
    e = embedding
    age_ms = e.age_ms if e.captured_at is None else (published_at - e.captured_at) * 1000
    return {
        "v": VERSION,
        "camera": e.camera,
        "embedder": e.embedder,
        "kind": e.kind,
        "model": e.model,
        "weights": e.weights,
        "space": e.space,
        "embedding": e.vector.astype(WIRE_FLOAT).tobytes(),
        "dim": str(e.vector.size),
        "start": f"{e.start:.3f}",
        "end": f"{e.end:.3f}",
        "span_s": _shortest(e.span_s),
        "hop_s": _shortest(e.hop_s),
        "frames": str(e.frames),
        "coverage": _shortest(e.coverage),
        "session": str(e.session),
        "window": str(e.window),
        "clock": e.clock,
        "decode_ms": f"{e.decode_ms:.3f}",
        "queue_ms": f"{e.queue_ms:.3f}",
        "embed_ms": f"{e.embed_ms:.3f}",
        "age_ms": f"{age_ms:.3f}",
        **_extras(motion=e.motion, novelty=e.novelty),
        **({} if e.caption is None else {"caption": e.caption}),
        **_labels(e.labels),
    }


def _extras(**values: float | None) -> Fields:
    """Those that there are."""
    return {name: _shortest(value) for name, value in values.items() if value is not None}


def _labels(scored: Scored | None) -> Fields:
    return {} if scored is None else {"labels": json.dumps(scored, ensure_ascii=False)}


def _shortest(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return repr(float(value)).removesuffix(".0")


def decode(fields: Mapping[bytes, bytes]) -> Embedding:
    """Fields not known here are left alone: version 1 may grow. Raises InvalidRecord."""
    version = _text(fields, "v")
    if version.partition(".")[0] != VERSION:
        raise InvalidRecord(
            f"record version {version!r} is not known here: this livevec reads version {VERSION}"
        )
    return Embedding(
        camera=_text(fields, "camera"),
        embedder=_text(fields, "embedder"),
        kind=_parsed(fields, "kind", Kind),
        model=_text(fields, "model"),
        weights=_text(fields, "weights"),
        space=_text(fields, "space"),
        vector=_vector(fields),
        start=_parsed(fields, "start", _finite),
        end=_parsed(fields, "end", _finite),
        span_s=_parsed(fields, "span_s", _finite),
        hop_s=_parsed(fields, "hop_s", _finite),
        frames=_parsed(fields, "frames", int),
        coverage=_parsed(fields, "coverage", _finite),
        session=_parsed(fields, "session", int),
        window=_parsed(fields, "window", int),
        clock=_parsed(fields, "clock", Clock),
        decode_ms=_parsed(fields, "decode_ms", _finite),
        queue_ms=_parsed(fields, "queue_ms", _finite),
        embed_ms=_parsed(fields, "embed_ms", _finite),
        age_ms=_parsed(fields, "age_ms", _finite),
        motion=_optional(fields, "motion", _finite),
        novelty=_optional(fields, "novelty", _finite),
        caption=_optional(fields, "caption", str),
        labels=_optional(fields, "labels", _scored),
    )


def _text(fields: Mapping[bytes, bytes], name: str) -> str:
    return _parsed(fields, name, str)


def _parsed(fields: Mapping[bytes, bytes], name: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(_raw(fields, name).decode())
    except ValueError:
        raise InvalidRecord(f"field {name!r} cannot be read: {_raw(fields, name)[:40]!r}") from None


def _optional(fields: Mapping[bytes, bytes], name: str, parse: Callable[[str], T]) -> T | None:
    return _parsed(fields, name, parse) if name.encode() in fields else None


def _raw(fields: Mapping[bytes, bytes], name: str) -> bytes:
    try:
        return fields[name.encode()]
    except KeyError:
        raise InvalidRecord(f"field {name!r} is missing") from None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _scored(text: str) -> Scored:
    try:
        return tuple((str(name), _finite(score)) for name, score in json.loads(text))
    except TypeError:
        raise ValueError(text) from None


def _vector(fields: Mapping[bytes, bytes]) -> Vector:
    raw, dim = _raw(fields, "embedding"), _parsed(fields, "dim", int)
    if len(raw) != dim * WIRE_FLOAT.itemsize:
        raise InvalidRecord(f"field 'embedding' has {len(raw)} bytes where dim = {dim} needs {4 * dim}")
    return np.frombuffer(raw, WIRE_FLOAT).astype(np.float32)
