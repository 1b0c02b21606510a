"""Where the demo's clips come from."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from importlib.util import find_spec

import pytest

from stream.errors import ConfigError
from workers.demo.cameras import FPS, WIDTH, camera_id, pictures
from workers.demo.clips import find_clips


def without_rtsp(name: str) -> ModuleSpec | None:
    return None if name == "rtsp" else find_spec(name)


def test_the_clips_are_there() -> None:
    assert [camera_id(clip) for clip in find_clips()] == ["bikes", "bigbuckbunny", "carphone"]


def test_a_missing_package_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(ConfigError, match=r"^the demo needs rtsp: pip install 'livevec\[demo\]'$"):
        find_clips(without_rtsp)


@pytest.mark.parametrize(
    ("number", "seconds", "size"), [(0, 10, (480, 204)), (1, 5.28, (480, 270)), (2, 4, (176, 144))]
)
def test_a_camera_shows_its_clip_at_its_own_speed(number: int, seconds: float, size: tuple[int, int]) -> None:
    shown = list(pictures(find_clips()[number]))
    assert len(shown) == pytest.approx(seconds * FPS, abs=1)
    assert {(width, height) for height, width, _ in (picture.shape for picture in shown)} == {size}
    assert size[0] <= WIDTH
