"""A camera by GStreamer's RTSP server. Runs under Debian's python3, which has `gi`; knows nothing of livevec.

    /usr/bin/python3 gst_rtsp_server.py PACKETS [--port N] [--user NAME --password WORD]

Plays PACKETS (written by `write_packets`) over and over, at their own pace, to whoever asks for
rtsp://127.0.0.1:PORT/live. Its RTP times go on when it begins again. Says `ready PORT` when it listens.
"""

from __future__ import annotations

import argparse
import itertools
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import gi

for library in ("Gst", "GstApp", "GstRtsp", "GstRtspServer"):
    gi.require_version(library, "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 # the versions come first

HEADER = struct.Struct("<qqI")  # PTS and DTS in microseconds, bytes that follow
NS_PER_US = 1000


def read_packets(path: Path) -> tuple[int, list[tuple[int, int, bytes]]]:
    """How long all of them last, in microseconds, and (pts, dts, one access unit) of each."""
    data = path.read_bytes()
    lasts_us, _, _ = HEADER.unpack_from(data)
    packets = []
    offset = HEADER.size
    while offset < len(data):
        pts_us, dts_us, size = HEADER.unpack_from(data, offset)
        offset += HEADER.size
        packets.append((pts_us, dts_us, data[offset : offset + size]))
        offset += size
    return lasts_us, packets


class Camera(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc] # untyped
    """All clients see the same live picture."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.lasts_us, self.packets = read_packets(path)
        self.set_shared(True)
        self.set_launch(
            "( appsrc name=packets format=time caps=video/x-h264,stream-format=byte-stream,alignment=au"
            " ! h264parse ! rtph264pay name=pay0 pt=96 )"
        )

    def do_configure(self, media: GstRtspServer.RTSPMedia) -> None:
        feed = self.buffers()
        appsrc = media.get_element().get_by_name("packets")
        appsrc.connect("need-data", lambda source, _: source.emit("push-buffer", next(feed)))

    def buffers(self) -> Iterator[Gst.Buffer]:
        for turn in itertools.count():
            for pts_us, dts_us, data in self.packets:
                buffer = Gst.Buffer.new_wrapped(data)
                buffer.pts = (turn * self.lasts_us + pts_us) * NS_PER_US
                buffer.dts = (turn * self.lasts_us + dts_us) * NS_PER_US
                yield buffer


def ask_for_password(server: GstRtspServer.RTSPServer, camera: Camera, user: str, password: str) -> None:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, user)
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    for permission in ("access", "construct"):
        permissions.add_permission_for_role(user, f"media.factory.{permission}", True)
    camera.set_permissions(permissions)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("packets", type=Path)
    parser.add_argument("--port", default="0")
    parser.add_argument("--user")
    parser.add_argument("--password")
    asked = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service=asked.port)
    camera = Camera(asked.packets)
    if asked.user:
        ask_for_password(server, camera, asked.user, asked.password)
    server.get_mount_points().add_factory("/live", camera)
    server.attach(None)
    sys.stdout.write(f"ready {server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
