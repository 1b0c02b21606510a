from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.config import EmbedderConfig, check_spans
from stream.frames import Frame
from stream.jobs import Job
from stream.metrics import Counters, Drop, Metric
from stream.record import Embedding, Kind
from stream.rolls import Embedder, Roll
from tests.made import LIVE, card, embedder, frame, turned


def roll_of(spec: Embedder) -> tuple[Roll, Counters]:
    counters = Counters()
    return Roll(LIVE, spec, counters), counters


def settle(job: Job) -> list[Embedding]:
    value = float(np.mean([picture.mean() for picture in job.pictures]))
    job.embedded(turned(value), started_at=job.queued_at, embed_ms=1.0)
    job.roll.count(job)
    return list(job.roll.ready())


def drop(job: Job) -> list[Embedding]:
    job.dropped(Drop.SHED)
    job.roll.count(job)
    return list(job.roll.ready())


def balanced(roll: Roll, counters: Counters, jobs_in_flight: int) -> bool:
    frames = counters.total(Metric.FRAMES_EMBEDDED) + counters.total(Metric.FRAMES_DROPPED) + jobs_in_flight
    return counters.total(Metric.FRAMES_SAMPLED) in (frames, 0)


def test_overlapping_scales_pool_the_same_vectors() -> None:
    roll, counters = roll_of(embedder(fps=4, windows=[(1, 0.5), (3, 1)]))
    published: list[Embedding] = []
    for n in range(40):
        for job in roll.push(frame(n / 4, value=n * 6), now=0.0):
            published += settle(job)
    assert counters.total(Metric.FRAMES_EMBEDDED) == counters.total(Metric.FRAMES_SAMPLED) == 40
    assert {e.span_s for e in published} == {1, 3}
    for e in published:
        inside = [turned(n * 6) for n in range(40) if e.start < n / 4 <= e.end]
        direct = np.mean(inside, axis=0) / np.linalg.norm(np.mean(inside, axis=0))
        assert e.vector @ direct >= 0.999999
        assert e.frames == len(inside)
        assert e.coverage == len(inside) / (e.span_s * 4)


def test_windows_come_out_in_order_of_their_ends_scale_by_scale() -> None:
    roll, _ = roll_of(embedder(fps=4, windows=[(1, 0.5), (2, 1)]))
    jobs = [job for n in range(20) for job in roll.push(frame(n / 4), now=0.0)]
    published = [e for job in reversed(jobs) for e in settle(job)]  # answers in the worst order
    assert [(e.end, e.scale) for e in published] == sorted((e.end, e.scale) for e in published)
    assert len(roll) == 0


@given(
    st.lists(st.sampled_from([0.02, 0.25, 0.26, 0.5, 3.0]), max_size=40),
    st.lists(st.booleans(), min_size=40, max_size=40),
    st.sampled_from([Kind.FRAMES, Kind.CLIP]),
)
def test_the_books_balance_at_every_step(gaps_s: list[float], fates: list[bool], kind: Kind) -> None:
    spec = embedder(kind, frames=4, fps=4, windows=[(1, 0.5), (2, 1)])
    roll, counters = roll_of(spec)
    at_s, waiting, published = 0.0, [], 0
    for gap_s, kept in zip(gaps_s, fates, strict=False):
        at_s += gap_s
        waiting += roll.push(frame(at_s), now=0.0)
        published += len(list(roll.ready()))
        if len(waiting) > 3:
            published += len(settle(waiting.pop(0)) if kept else drop(waiting.pop(0)))
        assert balanced(roll, counters, len(waiting))
        due = counters.total(Metric.WINDOWS_DUE)
        assert due == published + counters.total(Metric.WINDOWS_DROPPED) + len(roll)
    for job in waiting:
        published += len(settle(job))
    assert len(roll) == 0
    assert counters.total(Metric.WINDOWS_DUE) == published + counters.total(Metric.WINDOWS_DROPPED)


def test_a_window_says_what_it_lacks_and_is_dropped_when_it_lacks_too_much() -> None:
    roll, counters = roll_of(embedder(fps=4, windows=[(2, 2)], min_coverage=0.5))
    jobs = [job for n in range(1, 25) for job in roll.push(frame(n / 4), now=0.0)]
    published = []
    for n, job in enumerate(jobs):
        published += drop(job) if n in {0, 1, 8, 9, 10, 11, 12} else settle(job)
    assert [(e.window, e.frames, e.coverage) for e in published] == [(0, 6, 0.75), (2, 8, 1.0)]
    assert counters.by_reason(Metric.WINDOWS_DROPPED) == {Drop.SHED: 1}


def clips(frames: list[Frame], **config: Any) -> tuple[list[Job], Counters]:
    roll, counters = roll_of(embedder(Kind.CLIP, frames=4, **config))
    return [job for each in frames for job in roll.push(each, now=0.0)], counters


def values(job: Job) -> list[int]:
    return [int(picture[0, 0, 0]) for picture in job.pictures]


def test_a_window_that_waited_only_for_time_comes_out_without_another_job() -> None:
    roll, _ = roll_of(embedder(fps=4, windows=[(1.0, 1.0)]))
    for job in [job for at_s in (0.3, 0.55, 0.8) for job in roll.push(frame(at_s), now=0.0)]:
        assert settle(job) == []
    roll.push(frame(1.2), now=0.0)
    assert [e.end for e in roll.ready()] == [1.0]
    assert roll.finish(now=0.0) == []
    assert [e.end for e in roll.ready()] == []  # its last frame is still with the device


@pytest.mark.parametrize("phase_s", [0.0, 0.001, 0.03, 0.124, 0.249])
def test_a_clip_takes_the_frames_of_its_grid_each_once(phase_s: float) -> None:
    jobs, _ = clips([frame(n / 4 + phase_s, value=n) for n in range(1, 17)])
    assert len(jobs) >= 3
    for job in jobs[1:]:
        assert len(set(values(job))) == 4
        assert values(job) == list(range(values(job)[0], values(job)[0] + 4))


def test_a_clip_of_a_denser_grid_takes_the_frames_nearest_to_its_points() -> None:
    jobs, _ = clips([frame(n / 8, value=n) for n in range(1, 9)], fps=8)
    assert values(jobs[0]) == [1, 3, 5, 7]  # points at 1/8, 3/8, 5/8 and 7/8 of the second


def test_a_clip_with_a_gap_repeats_the_nearest_and_its_coverage_says_so() -> None:
    roll, _ = roll_of(embedder(Kind.CLIP, frames=4))
    jobs = [
        job for at_s in (0.25, 0.5, 0.75, 1.3) for job in roll.push(frame(at_s, value=int(at_s * 4)), 0.0)
    ]
    assert values(jobs[0]) == [1, 2, 3, 3]
    (published,) = settle(jobs[0])
    assert (published.frames, published.coverage) == (3, 0.75)


def test_a_clip_with_too_few_frames_is_no_job() -> None:
    jobs, counters = clips([frame(0.9), frame(1.1), frame(1.9)], min_coverage=0.75)
    assert jobs == []
    assert counters.by_reason(Metric.WINDOWS_DROPPED) == {Drop.COVERAGE: 1}


def test_the_record_tells_where_the_time_went() -> None:
    roll, _ = roll_of(embedder(fps=1))
    (job,) = roll.push(frame(1.0), now=100.0)
    job.embedded(turned(0), started_at=100.25, embed_ms=7.0)
    (published,) = roll.ready()
    assert (published.decode_ms, published.queue_ms, published.embed_ms) == (1.0, 250.0, 7.0)
    assert (published.start, published.end, published.captured_at) == (0.0, 1.0, 1.0)


def every_frame(fps: float = 4, **more: Any) -> Embedder:
    config = EmbedderConfig(name="scene", model="made", fps=fps, pooling="none", **more)
    return Embedder(config, card())


def test_without_pooling_every_frame_is_a_record() -> None:
    roll, counters = roll_of(every_frame())
    at_s = [0.25, 0.5, 0.7501, 3.0]
    published = [
        e for n, t in enumerate(at_s) for job in roll.push(frame(t, value=n * 60), 0.0) for e in settle(job)
    ]
    assert [e.end for e in published] == at_s
    assert [e.start for e in published] == pytest.approx([t - 0.25 for t in at_s])
    assert [e.window for e in published] == [0, 1, 2, 3]
    assert {(e.frames, e.coverage, e.span_s, e.hop_s, e.scale) for e in published} == {(1, 1, 0.25, 0.25, 0)}
    assert [e.vector.tolist() for e in published] == [turned(n * 60).tolist() for n in range(4)]
    assert roll.finish(now=0.0) == []
    assert counters.total(Metric.WINDOWS_DUE) == 4


def test_a_frames_own_window_is_long_enough_at_any_rate() -> None:
    for fps in range(1, 121):
        check_spans(every_frame(fps).scales, fps)


def test_without_pooling_a_lost_frame_is_a_number_left_out() -> None:
    roll, counters = roll_of(every_frame())
    jobs = [job for n in range(4) for job in roll.push(frame(n / 4), now=0.0)]
    published = [e for n, job in enumerate(jobs) for e in (drop(job) if n == 1 else settle(job))]
    assert [e.window for e in published] == [0, 2, 3]
    assert counters.by_reason(Metric.WINDOWS_DROPPED) == {Drop.SHED: 1}
    assert counters.total(Metric.WINDOWS_DUE) == 4


def test_ema_weighs_frames_by_their_times_and_leaves_out_those_that_are_missing() -> None:
    roll, _ = roll_of(embedder(fps=4, windows=[(2, 2)], pooling="ema", half_life_s=0.5))
    jobs = [job for n in range(1, 9) for job in roll.push(frame(n / 4, value=n * 30), now=0.0)]
    (published,) = [e for n, job in enumerate(jobs) for e in (drop(job) if n == 6 else settle(job))]
    kept = [n for n in range(1, 9) if n != 7]
    direct = sum(0.5 ** ((2 - n / 4) / 0.5) * turned(n * 30) for n in kept)
    assert published.vector @ (direct / np.linalg.norm(direct)) > 0.999999
    assert published.frames == 7


def two_windows(**config: Any) -> list[Embedding]:
    """Of two frames each: 0 and 0 degrees, then 0 and 60."""
    roll, _ = roll_of(embedder(fps=2, **config))
    frames = [frame(0.5), frame(1.0), frame(1.5), frame(2.0, value=170)]
    return [e for each in frames for job in roll.push(each, now=0.0) for e in settle(job)]


def test_extras_are_told_where_they_are_asked_for() -> None:
    first, second = two_windows(extras=["motion", "novelty"])
    assert first.motion == pytest.approx(0, abs=1e-6)
    assert first.novelty is None
    assert (second.motion, second.novelty) == pytest.approx((0.5, 1 - np.cos(np.pi / 6)), abs=1e-6)
    assert [(e.motion, e.novelty) for e in two_windows()] == [(None, None)] * 2


def test_a_window_keeps_no_pixels_of_what_is_embedded() -> None:
    roll, _ = roll_of(embedder(fps=4, windows=[(60.0, 1.0)]))
    pixels = [weakref.ref(each.pixels) for each in settled_frames(roll, 20)]
    gc.collect()
    assert not any(each() is not None for each in pixels)


def settled_frames(roll: Roll, count: int) -> Iterator[Frame]:
    for n in range(count):
        each = frame(n / 4)
        for job in roll.push(each, now=0.0):
            settle(job)
        yield each


def test_the_space_changes_with_what_changes_the_vectors() -> None:
    ways: list[dict[str, Any]] = [
        *({"pooling": how} for how in ("mean", "max", "last", "ema", "gem", "attention")),
        *({"pooling": "ema", "half_life_s": 2}, {"pooling": "gem", "gem_p": 4}),
        {"pooling": "attention", "temperature": 0.2},
    ]
    spaces = {embedder(**way).space for way in ways} | {every_frame().space}
    assert len(spaces) == len(ways) + 1
    assert embedder(extras=["motion"]).space == embedder().space
    assert embedder(Kind.CLIP, pooling="mean").space == embedder(Kind.CLIP, pooling="max").space
