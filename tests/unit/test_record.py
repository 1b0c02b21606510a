"""The record on the wire, and its ids."""

from __future__ import annotations

from dataclasses import fields as fields_of
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stream.frames import Clock, Vector
from stream.record import Embedding, EntryId, EntryIds, Fields, InvalidRecord, Kind, decode, encode
from tests.records import T0, embedding

FIELDS = [
    *("v", "camera", "embedder", "kind", "model", "weights", "space", "embedding", "dim", "start", "end"),
    *("span_s", "hop_s", "frames", "coverage", "session", "window", "clock"),
    *("decode_ms", "queue_ms", "embed_ms", "age_ms"),
]

ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
vectors = arrays.arrays(np.float32, st.integers(1, 64), elements=st.floats(-1, 1, width=32))
milliseconds = st.integers(0, 10**9).map(lambda us: us / 1000)
times = st.integers(0, 4 * 10**12).map(lambda ms: ms / 1000)
spans = st.floats(1e-3, 86_400)
embeddings = st.builds(
    Embedding,
    camera=ids,
    embedder=ids,
    kind=st.sampled_from(Kind),
    model=st.text(min_size=1),
    weights=st.text(min_size=1),
    space=st.from_regex(r"[0-9a-f]{12}", fullmatch=True),
    vector=vectors,
    start=times,
    end=times,
    span_s=spans,
    hop_s=spans,
    frames=st.integers(0, 10**6),
    coverage=st.floats(0, 1),
    session=st.integers(0, 2**53),
    window=st.integers(0, 2**53),
    clock=st.sampled_from(Clock),
    decode_ms=milliseconds,
    queue_ms=milliseconds,
    embed_ms=milliseconds,
    captured_at=st.none(),
    age_ms=milliseconds,
    motion=st.none() | st.floats(0, 2),
    novelty=st.none() | st.floats(0, 2),
    labels=st.none() | st.lists(st.tuples(st.text(), st.floats(-1, 1))).map(tuple),
)


def wire(fields: Fields) -> dict[bytes, bytes]:
    """As Redis gives them back."""
    return {
        name.encode(): value if isinstance(value, bytes) else value.encode() for name, value in fields.items()
    }


@given(embeddings)
def test_what_is_read_is_what_was_written(written: Embedding) -> None:
    read = decode(wire(encode(written, published_at=T0)))
    for field in fields_of(Embedding):
        if field.name not in ("vector", "captured_at", "scale"):
            assert getattr(read, field.name) == getattr(written, field.name), field.name
    assert read.vector.dtype == np.float32
    assert read.vector.tobytes() == written.vector.tobytes()


@given(vectors)
def test_the_vector_travels_as_little_endian_float32(vector: Vector) -> None:
    fields = encode(embedding(1, vector=vector), published_at=T0)
    assert fields["embedding"] == vector.astype("<f4").tobytes()
    assert fields["dim"] == str(len(vector))


def test_a_big_endian_vector_travels_as_little_endian_too() -> None:
    fields = encode(embedding(1, vector=np.array([1.0, -2.5], ">f4")), published_at=T0)
    assert fields["embedding"] == np.array([1.0, -2.5], "<f4").tobytes()


def test_the_record_reads_well_in_redis_cli() -> None:
    written = embedding(7, coverage=0.875, captured_at=T0 + 6.9)
    assert encode(written, published_at=T0 + 7.25) == {
        "v": "1",
        "camera": "dock",
        "embedder": "scene",
        "kind": "frames",
        "model": "made",
        "weights": "random",
        "space": "0123456789ab",
        "embedding": b"\x00\x00\xe0\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x3f",
        "dim": "4",
        "start": "1700000003.000",
        "end": "1700000007.000",
        "span_s": "4",
        "hop_s": "1",
        "frames": "8",
        "coverage": "0.875",
        "session": "1",
        "window": "7",
        "clock": "arrival",
        "decode_ms": "1.500",
        "queue_ms": "2.250",
        "embed_ms": "3.125",
        "age_ms": "350.000",
    }


def test_fields_of_a_later_minor_version_are_left_alone() -> None:
    fields = wire(encode(embedding(3), published_at=T0)) | {b"v": b"1.4", b"mood": b"calm"}
    assert decode(fields).window == 3


def test_an_unknown_version_says_so() -> None:
    with pytest.raises(InvalidRecord, match=r"version '2' is not known here: this livevec reads version 1"):
        decode({b"v": b"2"})


@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_field_is_named(name: str) -> None:
    fields = wire(encode(embedding(1), published_at=T0))
    del fields[name.encode()]
    with pytest.raises(InvalidRecord, match=f"'{name}' is missing"):
        decode(fields)


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in ("v", "embedding")])
def test_a_garbled_field_is_named(name: str) -> None:
    fields = wire(encode(embedding(1), published_at=T0)) | {name.encode(): b"\xff\xfe"}
    with pytest.raises(InvalidRecord, match=f"'{name}' cannot be read"):
        decode(fields)


@pytest.mark.parametrize("text", [b"nan", b"inf", b"", b"4 s"])
def test_a_number_that_is_none_is_refused(text: bytes) -> None:
    fields = wire(encode(embedding(1), published_at=T0)) | {b"span_s": text}
    with pytest.raises(InvalidRecord, match="'span_s'"):
        decode(fields)


@pytest.mark.parametrize("dim", [b"3", b"5", b"-4"])
def test_a_vector_of_another_length_than_dim_is_refused(dim: bytes) -> None:
    fields = wire(encode(embedding(1), published_at=T0)) | {b"dim": dim}
    with pytest.raises(InvalidRecord, match="16 bytes where dim"):
        decode(fields)


@given(st.lists(times, min_size=2), st.builds(EntryId, st.integers(0, 4 * 10**12), st.integers(0, 5)))
def test_ids_grow_whatever_the_clock_does(ends: list[float], last: EntryId) -> None:
    choose = EntryIds(last)
    chosen = [last, *(choose.of(embedding(1, end=end)) for end in ends)]
    assert all(before < after for before, after in pairwise(chosen))


@given(st.lists(times, min_size=1))
def test_an_id_is_the_windows_end_unless_the_key_is_past_it(ends: list[float]) -> None:
    choose = EntryIds()
    latest_ms = 0
    for end in ends:
        entry_id = choose.of(embedding(1, end=end))
        latest_ms = max(latest_ms, round(end * 1000))
        assert entry_id.ms == latest_ms


@given(st.lists(st.tuples(times, st.integers(0, 9)), min_size=1, unique=True), st.data())
def test_a_files_ids_depend_on_nothing_but_the_window(
    windows: list[tuple[float, int]], data: st.DataObject
) -> None:
    reels = [embedding(1, end=end, scale=scale, clock=Clock.FILE) for end, scale in windows]
    first, second = EntryIds(), EntryIds(EntryId(10**13, 0))
    forwards = {id(reel): first.of(reel) for reel in reels}
    for reel in data.draw(st.permutations(reels)):
        assert second.of(reel) == forwards[id(reel)]
    assert len(set(forwards.values())) == len(windows)


def test_a_file_may_begin_at_the_epoch() -> None:
    assert EntryIds().of(embedding(1, end=0.0, clock=Clock.FILE)) > EntryId(0, 0)  # which Redis refuses


@given(st.builds(EntryId, st.integers(0, 2**63), st.integers(0, 2**63)))
def test_an_id_reads_back(entry_id: EntryId) -> None:
    assert EntryId.parse(str(entry_id)) == entry_id


def test_one_that_was_read_back_keeps_its_age() -> None:
    read_back = replace(embedding(1), captured_at=None, age_ms=12.5)
    assert encode(read_back, published_at=T0 + 500)["age_ms"] == "12.500"


@pytest.mark.parametrize(
    "extras", [{}, {"motion": 0.0}, {"novelty": 0.25}, {"motion": 0.125, "novelty": 1.5}]
)
def test_extras_are_fields_only_where_they_are_asked_for(extras: dict[str, float]) -> None:
    written = encode(embedding(1, **extras), published_at=T0)
    assert list(written) == FIELDS + list(extras)
    read = decode(wire(written))
    assert (read.motion, read.novelty) == (extras.get("motion"), extras.get("novelty"))


def test_labels_travel_as_json_that_people_can_read() -> None:
    labels = (("Fahrrad auf der Straße", 0.2817), ("a person falling", -0.01))
    fields = encode(embedding(1, labels=labels), published_at=T0)
    assert fields["labels"] == '[["Fahrrad auf der Straße", 0.2817], ["a person falling", -0.01]]'
    assert list(fields) == [*FIELDS, "labels"]


@pytest.mark.parametrize(
    "text", [b"", b"3", b'["bus"]', b'[["bus"]]', b'[["bus", "near"]]', b'[["bus", NaN]]']
)
def test_labels_that_are_none_are_refused(text: bytes) -> None:
    fields = wire(encode(embedding(1), published_at=T0)) | {b"labels": text}
    with pytest.raises(InvalidRecord, match="'labels' cannot be read"):
        decode(fields)
