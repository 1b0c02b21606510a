from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from stream.config import Config, ReconnectConfig
from stream.errors import Code, SourceError
from stream.metrics import Drop, Metric
from stream.record import Kind
from stream.rolls import Embedder
from stream.status import State
from tests import virtual_time
from tests.made import CountingDevice, Ears, NumberedDevice, ScriptedDecoders, embedder, pooled
from tests.media import write_video
from workers.decoder import DecoderThreads
from workers.pipeline import Pipeline

Script = Mapping[str, Sequence[tuple[Sequence[float], SourceError | None]]]

GONE = SourceError(Code.CLOSED, "gone")
FORBIDDEN = SourceError(Code.FORBIDDEN, "forbidden", final=True)


def config_of(cameras: dict[str, str], embedders: list[Embedder], **more: object) -> Config:
    return Config.model_validate(
        {
            "cameras": [{"id": camera, "url": url} for camera, url in cameras.items()],
            "embedders": [each.config for each in embedders],
            **more,
        }
    )


def run_file(path: Path, embedders: list[Embedder]) -> tuple[Ears, NumberedDevice]:
    ears, device = Ears(), NumberedDevice({each.config.name: each.card for each in embedders})

    async def main() -> None:
        config = config_of({"tape": str(path)}, embedders)
        with contextlib.closing(DecoderThreads(1, lambda: 0.0)) as decoders:
            await Pipeline(config, embedders, decoders, device, ears.outlet()).run(asyncio.Event())

    asyncio.run(main())
    return ears, device


def due_indexes(frames: int, camera_fps: int, fps: int) -> list[int]:
    """By the definition, in whole numbers: the first frame at or after each grid point."""
    return sorted(
        {-(-point * camera_fps // fps) for point in range(frames * fps // camera_fps + 1)}
        & set(range(frames))
    )


@pytest.mark.parametrize(("span_s", "hop_s"), [(4.0, 1.0), (2.0, 2.0), (1.5, 0.25)])
def test_each_window_pools_just_the_frames_of_its_span(tmp_path: Path, span_s: float, hop_s: float) -> None:
    path = write_video(tmp_path / "numbered.mp4", 300, fps=25, b_frames=2)
    scene = embedder(fps=4, windows=[(span_s, hop_s), (3.0, 1.5)])
    ears, device = run_file(path, [scene])

    sampled = due_indexes(300, camera_fps=25, fps=4)
    assert device.seen["scene"] == [(index,) for index in sampled]
    assert ears.counters.total(Metric.FRAMES_EMBEDDED) / ears.counters.total(Metric.FRAMES_SAMPLED) == 1.00
    assert ears.counters.total(Metric.FRAMES_SAMPLED) == len(sampled)
    for e in ears.published:
        assert pooled(e) == [index for index in sampled if e.start < index / 25 <= e.end]
        assert e.frames == len(pooled(e))
    ends = [e.end for e in ears.published if e.scale == 0]
    assert ends == [pytest.approx(ends[0] + n * hop_s) for n in range(len(ends))]
    assert ends[-1] == 12.0


def test_a_clip_is_made_of_frames_spread_evenly(tmp_path: Path) -> None:
    path = write_video(tmp_path / "numbered.mp4", 150, fps=25)
    action = embedder(Kind.CLIP, frames=8, name="action", windows=[(2.0, 1.0)])
    ears, device = run_file(path, [action])
    steps = [b - a for clip in device.seen["action"][1:-1] for a, b in pairwise(clip)]  # those in full
    assert set(steps) == {6, 7}  # 25 / 4 frames
    for clip, e in zip(device.seen["action"], ears.published, strict=True):
        assert e.coverage == len(set(clip)) / 8
        assert all(e.start < index / 25 <= e.end for index in clip)
    assert [e.end for e in ears.published] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0][-len(ears.published) :]


def test_a_file_read_twice_gives_the_same_windows(tmp_path: Path) -> None:
    path = write_video(tmp_path / "numbered.mp4", 100)
    scene = embedder(fps=5, windows=[(1.0, 0.5)])
    first, second = (
        [(e.start, e.end, e.window, pooled(e)) for e in run_file(path, [scene])[0].published]
        for _ in range(2)
    )
    assert first == second != []


def scripted(
    script: Script,
    device: CountingDevice,
    embedders: list[Embedder],
    **more: object,
) -> tuple[Ears, ScriptedDecoders, Pipeline]:
    ears, decoders = Ears(), ScriptedDecoders(script)
    config = config_of(dict.fromkeys(script, "rtsp://camera.example/live"), embedders, **more)

    async def main() -> Pipeline:
        pipeline = Pipeline(config, embedders, decoders, device, ears.outlet())
        await pipeline.run(asyncio.Event())
        return pipeline

    return ears, decoders, virtual_time.run(main())


def test_reconnects_with_growing_waits_and_a_new_session() -> None:
    scene = embedder(fps=4, windows=[(1.0, 1.0)])
    times_s = [n / 4 for n in range(1, 9)]
    script: Script = {
        "cam": [([], GONE), ([], GONE), ([], GONE), (times_s, GONE), (times_s, GONE), ([], FORBIDDEN)]
    }
    device = CountingDevice({"scene": scene.card})
    ears, decoders, pipeline = scripted(script, device, [scene], reconnect=ReconnectConfig(min_s=1, max_s=60))

    at_s = decoders.connected_at_s["cam"]
    waits_s = [after - before for before, after in pairwise(at_s)]
    assert [1 <= waits_s[0] <= 2, 2 <= waits_s[1] <= 4, 4 <= waits_s[2] <= 8] == [True] * 3
    assert 1 <= waits_s[3] <= 2  # it had been live: the waits begin anew
    windows = [(e.session, e.window, e.end) for e in ears.published]
    assert windows == [(1, 0, 1), (1, 1, 2), (2, 0, 1), (2, 1, 2)]  # a try in vain is no session
    assert pipeline.cameras[0].status.state is State.REJECTED
    assert [kind for kind, _, _ in ears.events] == ["lost"] * 3 + ["connected", "lost"] * 2 + ["rejected"]


def test_no_window_spans_a_reconnect() -> None:
    scene = embedder(fps=1, windows=[(4.0, 1.0)], min_coverage=0.01)
    script: Script = {"cam": [([1.0, 2.0], GONE), ([3.0, 4.0], FORBIDDEN)]}
    ears, *_ = scripted(script, CountingDevice({"scene": scene.card}), [scene])
    assert [(e.session, e.end, e.frames) for e in ears.published] == [
        (1, 1, 1),
        (1, 2, 2),
        (2, 3, 1),
        (2, 4, 2),
    ]


def test_one_cameras_failure_is_its_own() -> None:
    scene = embedder(fps=1, windows=[(1.0, 1.0)])
    script: Script = {"good": [([1.0, 2.0, 3.0], FORBIDDEN)], "bad": [([], FORBIDDEN)]}
    ears, _, pipeline = scripted(script, CountingDevice({"scene": scene.card}), [scene])
    assert [e.camera for e in ears.published] == ["good"] * 3
    assert all(camera.status.state is State.REJECTED for camera in pipeline.cameras)


def test_cameras_share_batches() -> None:
    scene = embedder(fps=1, windows=[(1.0, 1.0)])
    times_s = [float(n) for n in range(1, 7)]
    device = CountingDevice({"scene": scene.card})
    scripted({f"cam{n}": [(times_s, FORBIDDEN)] for n in range(8)}, device, [scene])
    assert max(size for _, size in device.batches) >= 8
    assert sum(size for _, size in device.batches) == 48


def test_overload_sheds_the_oldest_and_the_books_balance() -> None:
    scene = embedder(fps=4, windows=[(1.0, 1.0)], max_batch=2)
    times_s = [n / 4 for n in range(1, 101)]
    device = CountingDevice({"scene": scene.card})
    device.gate = lambda: asyncio.sleep(1)  # much longer than the script takes
    ears, *_ = scripted({"cam": [(times_s, FORBIDDEN)]}, device, [scene], queues={"frames_per_camera": 8})

    total, reasons = ears.counters.total, ears.counters.by_reason
    assert total(Metric.FRAMES_SAMPLED) == 100
    assert reasons(Metric.FRAMES_DROPPED) == {Drop.SHED: 100 - total(Metric.FRAMES_EMBEDDED)}
    assert (
        total(Metric.FRAMES_EMBEDDED) == 1 + 8
    )  # the first, under way at once, and what may wait: the newest
    assert len(ears.published) + total(Metric.WINDOWS_DROPPED) == total(Metric.WINDOWS_DUE) == 25
    assert [e.window for e in ears.published] == [23, 24]


def test_a_batch_that_fails_is_counted_and_nothing_is_invented() -> None:
    scene = embedder(fps=2, windows=[(1.0, 1.0)])
    device = CountingDevice({"scene": scene.card})
    device.fails = True
    ears, *_ = scripted({"cam": [([0.5, 1.0, 1.5, 2.0], FORBIDDEN)]}, device, [scene])
    assert ears.published == []
    assert ears.counters.by_reason(Metric.FRAMES_DROPPED) == {Drop.FAILED: 4}
    assert ears.counters.by_reason(Metric.WINDOWS_DROPPED) == {Drop.FAILED: 2}


def test_stopping_gives_up_what_takes_too_long_and_counts_it() -> None:
    scene = embedder(fps=1, windows=[(1.0, 1.0)], max_batch=1)
    device = CountingDevice({"scene": scene.card})
    device.gate = lambda: asyncio.sleep(0.9)
    ears, stop = Ears(), asyncio.Event()
    script = {"cam": [([1.0, 2.0, 3.0, 4.0, 5.0], SourceError(Code.CLOSED, "gone"))]}

    async def main() -> float:
        config = config_of(
            {"cam": "rtsp://camera.example/live"}, [scene], reconnect={"min_s": 50, "max_s": 90}
        )
        pipeline = Pipeline(config, [scene], ScriptedDecoders(script), device, ears.outlet())
        asyncio.get_running_loop().call_later(0.5, stop.set)
        await pipeline.run(stop)
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == pytest.approx(2.5)
    assert len(ears.published) == 2
    assert ears.counters.by_reason(Metric.FRAMES_DROPPED) == {Drop.SHUTDOWN: 3}
    assert ears.counters.by_reason(Metric.WINDOWS_DROPPED) == {Drop.SHUTDOWN: 3}


def test_a_bug_ends_the_program() -> None:
    scene = embedder(fps=1)
    device = CountingDevice({"scene": scene.card})
    device.gate = lambda: 1 / 0
    with pytest.raises(ExceptionGroup) as caught:
        scripted({"cam": [([1.0], GONE), ([1.0], GONE)]}, device, [scene])
    assert caught.group_contains(ZeroDivisionError)
