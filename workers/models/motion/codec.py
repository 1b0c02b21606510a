"""Real clips read, and synthetic clips sent through a real codec; the only place here that needs PyAV."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

Frames = npt.NDArray[np.uint8]  # (T, H, W) grey


def read_clip(path: Path) -> Frames:
    """All frames of a video file."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])


def jpeg(clip: Frames, quality: int) -> Frames:
    """Every frame through JPEG, as from an MJPEG camera."""
    out = np.empty_like(clip)
    for index, frame in enumerate(clip):
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "JPEG", quality=quality)
        out[index] = np.asarray(Image.open(buffer))
    return out


def h264(clip: Frames, crf: int) -> Frames:
    """The clip through one H.264 encoder and decoder, one reference, no B-frames, on one thread."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width = clip.shape[1:]
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = Fraction(10)
    encoder.thread_count = 1
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": str(crf)}
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    pictures = [av.VideoFrame.from_ndarray(frame, format="gray") for frame in clip]
    packets = [packet for picture in [*pictures, None] for packet in encoder.encode(picture)]
    decoded = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return np.stack([frame.to_ndarray(format="gray") for frame in decoded])
