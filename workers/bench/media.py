"""The video that is measured when none is given: what a usual 1080p camera sends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, FPS = 1920, 1080, 25
BIT_RATE = 4_000_000  # what facts and vendors give for 1080p25 H.264
GOP_S = 2  # seconds from key frame to key frame
PAN = 256  # pixels that the scene is larger than the picture, on both axes

Plane: TypeAlias = npt.NDArray[np.uint8]


def write_video(path: Path, seconds: float) -> None:
    """H.264 without B-frames, as cameras send it: a textured scene under a moving camera."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate, stream.gop_size = BIT_RATE, GOP_S * FPS
        for number, picture in enumerate(pictures(round(seconds * FPS))):
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def pictures(count: int) -> Iterator[Plane]:
    """(HEIGHT * 3 / 2, WIDTH) uint8: the three planes of yuv420p, one under the other."""
    rng = np.random.default_rng(0)  # the same video every time
    luma = texture(rng, HEIGHT + PAN, WIDTH + PAN)
    chroma = [texture(rng, (HEIGHT + PAN) // 2, (WIDTH + PAN) // 2) for _ in "uv"]
    for number in range(count):
        across, down = sway(number, period_s=7) // 2 * 2, sway(number, period_s=11) // 2 * 2
        planes = [crop(luma, across, down, 1)] + [crop(plane, across, down, 2) for plane in chroma]
        yield np.concatenate([plane.ravel() for plane in planes]).reshape(-1, WIDTH)


def texture(rng: np.random.Generator, height: int, width: int) -> Plane:
    """Patches of several sizes over each other, as in a natural scene."""
    scene = np.zeros((height, width))
    for size in (256, 64, 16, 4):
        patches = rng.random((-(-height // size), -(-width // size)))
        scene += np.kron(patches, np.ones((size, size)))[:height, :width]
    return np.asarray(scene / scene.max() * 255, np.uint8)


def sway(number: int, *, period_s: int) -> int:
    """The camera's offset in pixels, 0 to `PAN`, to and fro."""
    return round((1 - math.cos(2 * math.pi * number / (period_s * FPS))) / 2 * PAN)


def crop(plane: Plane, across: int, down: int, subsampling: int) -> Plane:
    top, left = down // subsampling, across // subsampling
    return plane[top : top + HEIGHT // subsampling, left : left + WIDTH // subsampling]
