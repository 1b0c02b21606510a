"""Files through FFmpeg: each picture once, in order, at its time; and what is no video says so."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from stream.config import CameraConfig
from stream.errors import Code, SourceError
from stream.frames import Clock
from stream.sources.ffmpeg import Picture, VideoInfo, open_video
from tests.media import clip, read_index, write_video

WRAP_S = 2**33 / 90_000  # MPEG's clock has 33 bits


def now() -> float:
    return 1000.0


def camera(path: Path | str) -> CameraConfig:
    return CameraConfig(id="tape", url=str(path))


def pictures(path: Path | str) -> Iterator[Picture]:
    with open_video(camera(path), now) as video:
        yield from video.pictures()


def indexes(path: Path | str, short_side: int = 112) -> list[int]:
    return [read_index(picture.scaled(short_side)) for picture in pictures(path)]


def times_s(path: Path | str) -> list[float]:
    return [picture.pts_s for picture in pictures(path)]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("b_frames", [0, 3])
def test_each_frame_comes_once_in_order(tmp_path: Path, ending: str, b_frames: int) -> None:
    video = write_video(tmp_path / f"numbers.{ending}", 300, b_frames=b_frames)
    assert indexes(video) == list(range(300))


def test_numbers_are_readable_in_small_and_in_upright_pictures(tmp_path: Path) -> None:
    many = [0, 1, 255, 256, 4095, 65_535]
    for size in ((64, 48), (270, 480), (1280, 720)):
        assert indexes(write_video(tmp_path / f"{size[0]}.mp4", many, size=size)) == many


def test_times_are_the_files_own_also_where_frames_come_unevenly(tmp_path: Path) -> None:
    uneven = [0.0, 0.04, 0.5, 0.52, 100.0, 100.25]
    assert times_s(write_video(tmp_path / "uneven.mp4", 6, times_s=uneven)) == pytest.approx(uneven, abs=1e-4)


def test_the_same_file_gives_the_same_pictures(tmp_path: Path) -> None:
    video = clip("bikes")
    first, again = (
        [(picture.pts_s, picture.scaled(112).tobytes()) for picture in pictures(video)] for _ in range(2)
    )
    assert len(first) == 250
    assert first == again


def test_what_is_known_of_a_real_clip() -> None:
    with open_video(camera(clip("bikes")), now) as video:
        assert video.info == VideoInfo("h264", 640, 272, fps=25.0, clock=Clock.FILE, duration_s=10.0)


@pytest.mark.parametrize(
    ("size", "short_side", "shape"),
    [
        ((640, 360), 90, (90, 160, 3)),
        ((360, 640), 90, (160, 90, 3)),
        ((176, 144), 112, (112, 137, 3)),
        ((176, 144), 224, (144, 176, 3)),  # never up
    ],
)
def test_the_shorter_side_is_as_asked(
    tmp_path: Path, size: tuple[int, int], short_side: int, shape: tuple[int, int, int]
) -> None:
    (picture,) = pictures(write_video(tmp_path / "one.mp4", 1, size=size))
    pixels = picture.scaled(short_side)
    assert pixels.shape == shape
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous


def test_scaling_averages_the_area_of_each_new_pixel() -> None:
    whole = next(pictures(clip("bigbuckbunny"))).scaled(720)
    small = next(pictures(clip("bigbuckbunny"))).scaled(180)
    exact = whole.reshape(180, 4, 320, 4, 3).mean(axis=(1, 3))
    error = np.abs(small.mean(axis=2) - exact.mean(axis=2))  # of the grey: colour is stored more coarsely
    assert error.mean() < 0.5  # of 255; taking one pixel of the 16 would give 6


def test_a_size_that_changes_on_the_way_is_followed(tmp_path: Path) -> None:
    small = write_video(tmp_path / "small.ts", 50, size=(160, 120))
    large = write_video(tmp_path / "large.ts", 50, size=(320, 240), times_s=[2 + k / 25 for k in range(50)])
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    shapes = [picture.scaled(180).shape for picture in pictures(both)]
    assert shapes == [(120, 160, 3)] * 50 + [(180, 240, 3)] * 50


def test_each_picture_brings_the_arrival_of_its_own_packet(tmp_path: Path) -> None:
    """With B-frames, the picture after a gap in the arrivals is not the one decoded after it."""
    video = write_video(tmp_path / "b.mp4", 50, b_frames=2)
    with av.open(video) as container:
        packets = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    calls = itertools.count(-1)  # the first call is the opening's
    with open_video(camera(video), lambda: float(next(calls))) as source:
        arrivals = [picture.arrived_at for picture in source.pictures()]
    assert arrivals == [packets.index(pts) for pts in sorted(packets)]
    assert arrivals != sorted(arrivals)


def test_a_33_bit_wrap_is_no_jump_and_no_time_before_zero(tmp_path: Path) -> None:
    wrapping = [WRAP_S - 2 + k / 25 for k in range(100)]
    video = write_video(tmp_path / "wrap.ts", 100, times_s=wrapping)
    assert times_s(video) == pytest.approx([k / 25 for k in range(100)], abs=1e-4)


def test_times_that_run_backwards_end_a_file(tmp_path: Path) -> None:
    once = write_video(tmp_path / "once.ts", 50)
    twice = tmp_path / "twice.ts"
    twice.write_bytes(once.read_bytes() * 2)
    source = pictures(twice)
    assert [read_index(picture.scaled(112)) for picture in itertools.islice(source, 50)] == list(range(50))
    with pytest.raises(SourceError, match=r"jumped by -2\.0 s") as jump:
        next(source)
    assert jump.value.code is Code.CLOCK_JUMP
    assert jump.value.final


def test_a_damaged_packet_costs_pictures_but_not_the_file(tmp_path: Path) -> None:
    video = write_video(tmp_path / "damaged.mp4", 100, gop=25)
    wipe_packets(video, [50])  # a key frame: all until the next one hang on it
    got = indexes_that_can_be_read(video)
    assert got[:50] == list(range(50))
    assert got[-25:] == list(range(75, 100))


def test_a_video_of_which_nothing_can_be_decoded_says_so(tmp_path: Path) -> None:
    video = write_video(tmp_path / "wiped.mp4", 25)
    wipe_packets(video, range(25))
    assert refusal(video).code is Code.NO_VIDEO


def test_a_picture_that_would_take_too_much_memory_is_refused(tmp_path: Path) -> None:
    error = refusal(write_blank_video(tmp_path / "huge.mp4", width=8192, height=5120))
    assert error.code is Code.UNSUPPORTED
    assert "8192 x 5120" in str(error)


def test_a_stream_that_grows_too_large_on_the_way_gives_only_what_came_before(tmp_path: Path) -> None:
    small = write_video(tmp_path / "small.ts", 10, size=(160, 120))
    huge = write_blank_video(tmp_path / "huge.ts", width=8192, height=5120)
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + huge.read_bytes())
    assert indexes(both) == list(range(10))


def test_nothing_is_read_once_it_is_closed(tmp_path: Path) -> None:
    """FFmpeg would crash the process."""
    with open_video(camera(write_video(tmp_path / "short.mp4", 50)), now) as video:
        rest = video.pictures()
        first = next(rest)
    assert list(rest) == []
    assert read_index(first.scaled(112)) == 0


def test_no_thread_and_no_descriptor_is_left(tmp_path: Path) -> None:
    video = write_video(tmp_path / "short.mp4", 50)
    list(pictures(video))
    before = resources()
    for _ in range(5):
        with open_video(camera(video), now) as source:
            next(source.pictures())
        refusal(tmp_path / "missing.mp4")
    assert resources() == before


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.mp4", b"", Code.NO_VIDEO),
        ("words.mp4", b"no video, " * 100, Code.INVALID_STREAM),
        ("words.txt", b"which FFmpeg would play as ANSI art\n" * 100, Code.INVALID_STREAM),
        ("list.ffconcat", b"ffconcat version 1.0\nfile 'other.mp4'\n", Code.INVALID_STREAM),
        (
            "list.m3u8",
            b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:4,\nother.ts\n#EXT-X-ENDLIST\n",
            Code.INVALID_STREAM,
        ),
        ("live.sdp", b"v=0\r\nm=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", Code.INVALID_STREAM),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str, content: bytes, code: Code) -> None:
    write_video(tmp_path / "other.mp4", 5)
    write_video(tmp_path / "other.ts", 5)
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name).code is code


def test_a_file_that_was_cut_before_its_index_is_refused(tmp_path: Path) -> None:
    video = write_video(tmp_path / "cut.mp4", 50)
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    assert refusal(video).code is Code.INVALID_STREAM


def test_a_file_that_was_cut_gives_what_it_has(tmp_path: Path) -> None:
    video = write_video(tmp_path / "cut.mkv", 50)
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    got = indexes(video)
    assert got == list(range(len(got)))
    assert 0 < len(got) < 50


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    assert refusal(write_sound(tmp_path / "sound.mp4")).code is Code.NO_VIDEO


def test_what_is_not_there_or_is_not_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    assert refusal(tmp_path / "missing.mp4").code is Code.NOT_FOUND
    assert refusal(tmp_path).code is Code.NO_VIDEO
    assert refusal(tmp_path / "pipe").code is Code.NO_VIDEO


def test_names_that_ffmpeg_would_read_in_its_own_way_are_just_names(tmp_path: Path) -> None:
    for name in ("clip %d.mp4", "50% é#?.mp4", "a|b.mp4"):
        video = write_video(tmp_path / "plain.mp4", 3).rename(tmp_path / name)
        assert indexes(video) == indexes(video.as_uri()) == [0, 1, 2]


def refusal(path: Path) -> SourceError:
    """What opening or reading a bad file raises: final, and one line that names camera and file."""
    with pytest.raises(SourceError) as refused:
        list(pictures(path))
    assert refused.value.final
    assert str(refused.value).startswith(f"camera tape: {path}: ")
    assert len(str(refused.value).splitlines()) == 1
    return refused.value


def indexes_that_can_be_read(path: Path) -> list[int]:
    """FFmpeg hides some damage with what the picture before showed; such pictures may say anything."""
    got = []
    for picture in pictures(path):
        try:
            got.append(read_index(picture.scaled(112)))
        except ValueError:
            continue
    return got


def resources() -> tuple[int, int]:
    return len(list(Path("/proc/self/fd").iterdir())), len(list(Path("/proc/self/task").iterdir()))


def wipe_packets(video: Path, which: Any) -> None:
    with av.open(video) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        places = [(packet.pos, packet.size) for packet in (packets[k] for k in which)]
    data = bytearray(video.read_bytes())
    for start, size in places:
        assert start is not None
        data[start + 5 : start + size] = bytes(size - 5)  # behind the length and the kind of the NAL unit
    video.write_bytes(data)


def write_blank_video(path: Path, *, width: int, height: int) -> Path:
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height = width, height
        frame = av.VideoFrame(width, height, "yuv420p")
        frame.pts = 25
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
