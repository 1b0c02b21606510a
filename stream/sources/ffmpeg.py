"""Cameras and files through FFmpeg. All of it blocks: one thread per camera, the same from open to close."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import cast

import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from stream.config import CameraConfig
from stream.errors import Code
from stream.frames import US_PER_S, Clock, Pixels
from stream.sources.containers import open_container, video_stream
from stream.sources.continuity import Continuity
from stream.sources.errors import failure, read_error, silent
from stream.urls import is_live

MAX_FPS = 1000
"""A live stream that states more states the ticks of its clock (90,000), not a rate."""


NEARLY = (
    1.25  # at most 1.6 times the pixels; with it the cosine to an unscaled picture's vector is 0.99 and more
)


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known when a source is open."""

    codec: str
    width: int  # 0 where a live camera has not yet told
    height: int
    fps: float | None  # as the source states it; some do not
    clock: Clock
    duration_s: float | None  # of a file


@dataclass(slots=True, eq=False)
class Picture:
    """A decoded frame in full size. Outlives the video that it is from."""

    pts_s: float  # on the source's own clock; not below 0 in a file
    arrived_at: float  # Unix seconds, when the read of its packet returned
    decode_ms: float  # wall time of decoding it, and of scaling where it was
    _frame: VideoFrame
    _reformatter: VideoReformatter

    def scaled(self, short_side: int) -> Pixels:
        """RGB; the shorter side is `short_side`. A smaller picture stays as it is, and one that is hardly
        larger: the model scales it itself, and to scale twice by little blurs most.

        Pixels stay as they are stored: a note to rotate them, or that they are not square, is not followed.
        """
        began = time.perf_counter()
        frame = self._frame
        shorter = min(frame.width, frame.height)
        scale = short_side / shorter if shorter > NEARLY * short_side else 1.0
        small = self._reformatter.reformat(
            frame,
            width=round(frame.width * scale),
            height=round(frame.height * scale),
            format="rgb24",
            interpolation="BICUBIC",  # as the models' own transforms; AREA is 1 ms cheaper, and further off
            threads=1,
        )
        pixels = np.ascontiguousarray(cast(Pixels, small.to_ndarray()))  # FFmpeg pads rows
        self.decode_ms += _ms_since(began)
        return pixels


class Video:
    """An open source. One thread; after `close` it gives nothing more."""

    def __init__(
        self, camera: CameraConfig, container: InputContainer, stream: VideoStream, now: Callable[[], float]
    ) -> None:
        self._camera = camera
        self._now = now
        self._live = is_live(camera.url)
        self._packets = self._read(container, stream)
        self._reformatter = VideoReformatter()  # keeps its filters while size and format stay
        self._shift_s = 0.0 if self._live else _before_zero_s(stream)
        self.info = _info(container, stream, live=self._live)

    def pictures(self) -> Iterator[Picture]:
        """Each whole picture, in the order of its PTS, until a file ends. Raises SourceError.

        A live camera has no end: that its connection closed is an error too.
        """
        continuity = Continuity(self._camera, live=self._live, opened_at=self._now())
        for packet, arrived_at in self._packets:
            for picture in self._decode(packet, arrived_at):
                if continuity.accept(picture.pts_s, picture.arrived_at):
                    yield picture
            continuity.check_alive(arrived_at)
        if self._live:
            raise failure(self._camera, Code.CLOSED, "the camera ended the connection")
        if not continuity.started:
            raise failure(self._camera, Code.NO_VIDEO, "no picture in it could be decoded")

    def close(self) -> None:
        """Ends the reading: to read from a closed container would crash the process."""
        self._packets.close()

    def _read(
        self, container: InputContainer, stream: VideoStream
    ) -> Generator[tuple[Packet[VideoStream], float]]:
        """Packets with the time of their arrival. The last is empty: it flushes the decoder."""
        packets = container.demux(stream)
        while True:
            began = time.perf_counter()
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                raise read_error(self._camera, error, time.perf_counter() - began) from None
            if packet is None:
                return
            if self._live and time.perf_counter() - began >= self._camera.read_timeout_s:
                raise silent(self._camera)  # FFmpeg hands out what it held back first, and would wait anew
            yield packet, self._now()

    def _decode(self, packet: Packet[VideoStream], arrived_at: float) -> Iterator[Picture]:
        packet.opaque = (arrived_at,)  # decoders reorder: each frame brings the arrival of its own packet
        began = time.perf_counter()
        try:
            frames = packet.decode()
        except av.error.FFmpegError:  # damaged, or before the first key frame; the next may be whole
            return
        decode_ms = _ms_since(began) / max(1, len(frames))
        for frame in frames:
            if frame.pts is None or frame.is_corrupt:  # FFmpeg leaves the first one of RTSP without a PTS
                continue
            (its_arrival,) = cast(tuple[float] | None, frame.opaque) or (arrived_at,)
            yield Picture(frame.time + self._shift_s, its_arrival, decode_ms, frame, self._reformatter)


@contextmanager
def open_video(camera: CameraConfig, now: Callable[[], float]) -> Iterator[Video]:
    """Connects, looks what is there, and closes all at the end. `now` is the wall clock. Raises SourceError.

    Takes up to twice `open_timeout_s`: FFmpeg opens, then looks into the stream.
    """
    with closing(open_container(camera)) as container:
        video = Video(camera, container, video_stream(camera, container), now)
        with closing(video):
            yield video


def _info(container: InputContainer, stream: VideoStream, *, live: bool) -> VideoInfo:
    rate = float(stream.average_rate or 0)
    return VideoInfo(
        codec=stream.codec_context.name,
        width=stream.width,
        height=stream.height,
        fps=rate if 0 < rate <= MAX_FPS else None,
        clock=Clock.ARRIVAL if live else Clock.FILE,
        duration_s=None if live or container.duration is None else container.duration / US_PER_S,
    )


def _before_zero_s(stream: VideoStream) -> float:
    """By how much a file begins before PTS 0; so FFmpeg shows one whose 33-bit times wrap on the way."""
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return max(0.0, -float(stream.start_time * stream.time_base))


def _ms_since(began_s: float) -> float:
    return (time.perf_counter() - began_s) * 1000
