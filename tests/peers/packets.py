"""A video's packets in the plain form that GStreamer's camera plays."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext

US_PER_S = 1_000_000
HEADER = struct.Struct("<qqI")  # PTS and DTS in microseconds, bytes that follow


def write_packets(video: Path, path: Path) -> Path:
    """Access units in Annex B, each after a header with its times. A first header tells how long all last."""
    with av.open(video) as container:
        stream = container.streams.video[0]
        to_annex_b = BitStreamFilterContext("h264_mp4toannexb", stream)
        packets = [part for packet in container.demux(stream) for part in to_annex_b.filter(packet)]
        tick_us = US_PER_S * (stream.time_base or Fraction(1))
    rows = [(_us(packet.pts, tick_us), _us(packet.dts, tick_us), bytes(packet)) for packet in packets]
    first_us = min(dts_us for _, dts_us, _ in rows)  # below zero where there are B-frames
    lasts_us = (max(pts_us for pts_us, _, _ in rows) * len(rows)) // (len(rows) - 1)
    path.write_bytes(
        HEADER.pack(lasts_us, 0, 0)
        + b"".join(HEADER.pack(pts - first_us, dts - first_us, len(data)) + data for pts, dts, data in rows)
    )
    return path


def _us(ticks: int | None, tick_us: Fraction) -> int:
    if ticks is None:
        raise ValueError("a packet without a time")
    return round(ticks * tick_us)
