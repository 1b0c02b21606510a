"""Files through FFmpeg: each picture once, in order, at its time, in the size that is asked for."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from stream.errors import SourceError
from stream.frames import Clock
from stream.sources.ffmpeg import VideoInfo, open_video
from tests.media import clip, read_index, write_video
from tests.playback import indexes, now, pictures, resources, tape

WRAP_S = 2**33 / 90_000  # MPEG's clock has 33 bits


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
    with open_video(tape(clip("bikes")), now) as video:
        assert video.info == VideoInfo("h264", 640, 272, fps=25.0, clock=Clock.FILE, duration_s=10.0)


@pytest.mark.parametrize(
    ("size", "short_side", "shape"),
    [
        ((640, 360), 90, (90, 160, 3)),
        ((360, 640), 90, (160, 90, 3)),
        ((176, 144), 112, (112, 137, 3)),
        ((176, 144), 224, (144, 176, 3)),  # never up
        ((176, 144), 120, (144, 176, 3)),  # nor down by little
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


def test_scaling_is_bicubic_over_all_that_a_new_pixel_covers() -> None:
    whole = next(pictures(clip("bigbuckbunny"))).scaled(720)
    small = next(pictures(clip("bigbuckbunny"))).scaled(180)
    pils = np.asarray(Image.fromarray(whole).resize((320, 180), Image.Resampling.BICUBIC))
    error = np.abs(small.mean(axis=2) - pils.mean(axis=2))  # of the grey: colour is stored more coarsely
    assert error.mean() < 1.2


def test_the_time_to_scale_a_picture_counts_as_decoding() -> None:
    picture = next(pictures(clip("bigbuckbunny")))
    decoded_ms = picture.decode_ms
    picture.scaled(180)
    assert picture.decode_ms > decoded_ms > 0


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
    with open_video(tape(video), lambda: float(next(calls))) as source:
        arrivals = [picture.arrived_at for picture in source.pictures()]
    assert arrivals == [packets.index(pts) for pts in sorted(packets)]
    assert arrivals != sorted(arrivals)


def test_a_33_bit_wrap_is_no_jump_and_no_time_before_zero(tmp_path: Path) -> None:
    wrapping = [WRAP_S - 2 + k / 25 for k in range(100)]
    video = write_video(tmp_path / "wrap.ts", 100, times_s=wrapping)
    assert times_s(video) == pytest.approx([k / 25 for k in range(100)], abs=1e-4)


def test_nothing_is_read_once_it_is_closed(tmp_path: Path) -> None:
    """FFmpeg would crash the process."""
    with open_video(tape(write_video(tmp_path / "short.mp4", 50)), now) as video:
        rest = video.pictures()
        first = next(rest)
    assert list(rest) == []
    assert read_index(first.scaled(112)) == 0


def test_no_thread_and_no_descriptor_is_left(tmp_path: Path) -> None:
    video = write_video(tmp_path / "short.mp4", 50)
    list(pictures(video))
    before = resources()
    for _ in range(5):
        with open_video(tape(video), now) as source:
            next(source.pictures())
        with pytest.raises(SourceError):
            indexes(tmp_path / "missing.mp4")
    assert resources() == before


def test_names_that_ffmpeg_would_read_in_its_own_way_are_just_names(tmp_path: Path) -> None:
    for name in ("clip %d.mp4", "50% é#?.mp4", "a|b.mp4"):
        video = write_video(tmp_path / "plain.mp4", 3).rename(tmp_path / name)
        assert indexes(video) == indexes(video.as_uri()) == [0, 1, 2]


def test_a_path_is_no_url_to_ffmpeg_whatever_it_looks_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_video(tmp_path / "plain.mp4", 3).rename(tmp_path / "concat:b.mp4")
    monkeypatch.chdir(tmp_path)
    assert indexes("./concat:b.mp4") == [0, 1, 2]
