"""The demo's cameras: real clips served as live RTSP streams on loopback, by a program of its own.

`python -m workers.demo.cameras CLIP...` prints one line, a JSON object of camera id to URL, and serves until
its standard input closes. The kernel closes that even when the parent is killed, so no camera outlives it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import av
import numpy as np
import rtsp
import rtsp.source

from stream.frames import Pixels

LOOPBACK = "127.0.0.1"
FPS = 12  # a usual rate for cameras that are watched by machines; every other frame of the clips
WIDTH = 480  # pixels at most: three encoders then cost about a tenth of a core
READY_S = 10.0


class LoopbackServer(rtsp.source._RTSPServer):  # type: ignore[misc]  # noqa: SLF001  # untyped; see below
    """The package listens on every interface, whatever address it is given; a demo must not."""

    def __init__(self, _host: str, *args: object) -> None:
        super().__init__(LOOPBACK, *args)


def camera_id(clip: Path) -> str:
    """`carphone_pristine.mp4` is the camera `carphone`."""
    return clip.stem.partition("_")[0]


def pictures(clip: Path) -> Iterator[Pixels]:
    """The clip at `FPS` and at most `WIDTH` wide, with the even sides that H.264 asks for."""
    with av.open(str(clip)) as container:
        taken = 0
        for frame in container.decode(video=0):
            if frame.time * FPS < taken:
                continue
            taken += 1
            width = min(WIDTH, frame.width)
            height = round(frame.height * width / frame.width / 2) * 2
            yield np.asarray(frame.to_ndarray(format="rgb24", width=width, height=height), np.uint8)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def camera(clip: Path) -> rtsp.source.Source:
    """Serves the clip over and over, at its own speed, until it is closed."""
    looped = list(pictures(clip))  # all of it before the first `put`, which starts the stream
    source = rtsp.Source(f"rtsp://{LOOPBACK}:{free_port()}/{camera_id(clip)}", fps=FPS)
    for picture in looped:
        source.put(picture)
    if not (source.wait_ready(READY_S) and source.wait_encoding_started(READY_S)):
        raise SystemExit(f"the demo's camera {camera_id(clip)} does not start")
    return source


def main(clips: list[Path]) -> None:
    """Ends when standard input closes."""
    rtsp.source._RTSPServer = LoopbackServer  # noqa: SLF001  # it has no setting for it
    with ExitStack() as stack:
        cameras = {camera_id(clip): stack.enter_context(camera(clip)) for clip in clips}
        urls = {name: source.client_uri for name, source in cameras.items()}
        sys.stdout.write(json.dumps(urls) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
        os._exit(0)  # closing the servers prints a traceback for each viewer; there is nothing to finish


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
