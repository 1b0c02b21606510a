"""Files that are damaged, or no video: one clear line, and never what FFmpeg would make of them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from stream.errors import Code, SourceError
from tests.media import read_index, write_video
from tests.playback import indexes, pictures


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


def test_a_picture_that_ffmpeg_knows_to_be_damaged_is_left_out(tmp_path: Path) -> None:
    video = write_video(tmp_path / "damaged.mp4", 100, size=(640, 480), gop=1)
    wipe_packets(video, [50], keep=0.5)  # FFmpeg shows the rest of the picture by guesswork
    assert indexes(video) == [index for index in range(100) if index != 50]


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


def test_a_song_with_a_cover_is_no_video(tmp_path: Path) -> None:
    error = refusal(write_song(tmp_path / "song.mp4"))
    assert error.code is Code.NO_VIDEO
    assert "there is no video in it" in str(error)


def test_what_is_not_there_or_is_not_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    assert refusal(tmp_path / "missing.mp4").code is Code.NOT_FOUND
    assert refusal(tmp_path / "missing.mp4" / "a.mp4").code is Code.NOT_FOUND
    assert refusal(write_video(tmp_path / "a.mp4", 1) / "b.mp4").code is Code.NOT_FOUND
    assert refusal(tmp_path / ("long" * 100)).code is Code.NOT_FOUND
    assert refusal(tmp_path).code is Code.NO_VIDEO
    assert refusal(tmp_path / "pipe").code is Code.NO_VIDEO


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


def wipe_packets(video: Path, which: Iterable[int], keep: float = 0.0) -> None:
    """Zeros behind that share of each, but not in the length and the kind of the NAL unit."""
    with av.open(video) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        places = [(packet.pos, packet.size) for packet in (packets[k] for k in which)]
    data = bytearray(video.read_bytes())
    for start, size in places:
        assert start is not None
        behind = max(5, round(size * keep))
        data[start + behind : start + size] = bytes(size - behind)
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


def write_song(path: Path) -> Path:
    """A second of silence, with a picture on its cover."""
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame(64, 48, "yuvj420p")))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
