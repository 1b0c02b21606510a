"""Opening through FFmpeg: only what is asked for, within bounds of time and size."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import av
import av.error
from av.codec.context import ThreadType
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from stream.config import CameraConfig
from stream.errors import Code
from stream.frames import US_PER_S
from stream.sources.errors import failure, open_error
from stream.urls import Scheme, check_url, is_live, local_path

MAX_PIXELS = 40_000_000
"""Of one picture: 8K (7680 x 4352 as coded) and a little. A stream of 0.4 MB can ask for 341 MB of memory."""

_FILE_FORMATS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,mxf,ivf,nut"
"""FFmpeg would also play a text file as ANSI art, and open whatever a playlist names."""

_PROTOCOLS = {  # what a redirection, or a name within a file, may lead to
    Scheme.RTSP: "rtsp,rtp,tcp,udp",
    Scheme.RTSPS: "rtsp,rtp,tcp,udp,tls",
    Scheme.HTTP: "http,https,tcp,tls",
    Scheme.HTTPS: "http,https,tcp,tls",
    Scheme.FILE: "file",
}


def open_container(camera: CameraConfig) -> InputContainer:
    """Takes up to twice `open_timeout_s`: FFmpeg opens, then looks into the stream. Raises SourceError."""
    scheme = check_url(camera.url)
    began = time.perf_counter()
    try:
        if scheme is Scheme.FILE:
            return _open_file(camera, local_path(camera.url))
        return _open_remote(camera, scheme)
    except av.error.FFmpegError as error:
        raise open_error(camera, error, time.perf_counter() - began) from None


def video_stream(camera: CameraConfig, container: InputContainer) -> VideoStream:
    """The stream to decode, its decoder made ready. Raises SourceError."""
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:  # a song's cover
        raise failure(camera, Code.NO_VIDEO, "there is no video in it")
    if stream.codec_context is None:
        raise failure(camera, Code.UNSUPPORTED, "FFmpeg has no decoder for its video")
    if stream.width * stream.height > MAX_PIXELS:
        raise failure(camera, Code.UNSUPPORTED, f"pictures of {stream.width} x {stream.height} are too large")
    decoder = stream.codec_context
    decoder.options = {"max_pixels": str(MAX_PIXELS)}  # sizes may change on the way
    decoder.copy_opaque = True
    if is_live(camera.url):
        decoder.thread_count = 1  # frame threads would each hold a frame back
    else:
        decoder.thread_type = ThreadType.AUTO
    return stream


def _open_file(camera: CameraConfig, path: Path) -> InputContainer:
    _check_file(camera, path)
    options = {"protocol_whitelist": _PROTOCOLS[Scheme.FILE], "format_whitelist": _FILE_FORMATS}
    return av.open(f"file:{path}", options=options, metadata_errors="replace")


def _check_file(camera: CameraConfig, path: Path) -> None:
    try:
        known = path.stat()
    except OSError:  # FFmpeg will say why
        return
    if not stat.S_ISREG(known.st_mode):  # opening a pipe would wait for ever
        raise failure(camera, Code.NO_VIDEO, "not a file")
    if known.st_size == 0:
        raise failure(camera, Code.NO_VIDEO, "the file is empty")


def _open_remote(camera: CameraConfig, scheme: Scheme) -> InputContainer:
    limits_s = (camera.open_timeout_s, camera.read_timeout_s)
    options = {
        "protocol_whitelist": _PROTOCOLS[scheme],
        # FFmpeg's own limit, for each wait at a socket; a peer that drips bytes passes it, but not PyAV's
        "timeout": str(round(max(limits_s) * US_PER_S)),
    }
    if scheme in (Scheme.HTTP, Scheme.HTTPS):
        options["format_whitelist"] = _FILE_FORMATS
        return av.open(camera.url, options=options, timeout=limits_s, metadata_errors="replace")
    options |= {
        "rtsp_transport": camera.transport,
        "allowed_media_types": "video",  # else sound would hide that the pictures stopped
        "fpsprobesize": "0",  # else FFmpeg looks for the rate, and then for decoding times, in 20 pictures;
        "max_ts_probe": "0",  # all of them would seem to have arrived when it is done
    }
    return av.open(camera.url, format="rtsp", options=options, timeout=limits_s, metadata_errors="replace")
