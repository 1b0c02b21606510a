"""A camera by the `rtsp` package, a server in PyAV alone.

    python rtsp_server.py VIDEO [--port N]

Plays the pictures of VIDEO over and over at its rate, encoded anew, on rtsp://127.0.0.1:PORT/live. Says
`ready PORT` when it listens. VIDEO is held in memory: keep it short.
"""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from pathlib import Path

import av
from rtsp import source


class LoopbackServer(source._RTSPServer):  # type: ignore[misc] # untyped
    """The package listens on all interfaces, whatever it is told."""

    def __init__(self, host: str, port: int, describe: object) -> None:
        super().__init__("127.0.0.1", port, describe)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("video", type=Path)
    parser.add_argument("--port", type=int, default=0)
    asked = parser.parse_args()
    port = asked.port or free_port()
    with av.open(asked.video) as container:
        fps = float(container.streams.video[0].average_rate or 25)
        pictures = [frame.to_image() for frame in container.decode(video=0)]
    source._RTSPServer = LoopbackServer
    with source.Source(f"rtsp://127.0.0.1:{port}/live", fps=fps) as camera:
        for picture in pictures:
            camera.put(picture)
        camera.wait_ready()
        camera.wait_encoding_started()  # before it, clients are not told the picture's size
        sys.stdout.write(f"ready {port}\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main()
