"""Reading files to their end, as the decoder does."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

from stream.config import CameraConfig
from stream.sources.ffmpeg import Picture, open_video
from tests.media import read_index


def now() -> float:
    """A wall clock for where it does not matter."""
    return 1000.0


def tape(path: Path | str) -> CameraConfig:
    return CameraConfig(id="tape", url=str(path))


def pictures(path: Path | str) -> Iterator[Picture]:
    with open_video(tape(path), now) as video:
        yield from video.pictures()


def indexes(path: Path | str) -> list[int]:
    """The numbers in the pictures of a file of `tests.media`."""
    return [read_index(picture.scaled(112)) for picture in pictures(path)]


def resources() -> tuple[int, int]:
    """How many descriptors are open and threads alive."""
    gc.collect()  # errors of other tests may still hold their videos
    return len(list(Path("/proc/self/fd").iterdir())), len(list(Path("/proc/self/task").iterdir()))
