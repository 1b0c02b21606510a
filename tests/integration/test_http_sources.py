"""Recorded video over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.config import CameraConfig
from stream.errors import Code, SourceError
from stream.frames import Clock
from stream.sources.ffmpeg import open_video
from tests.media import read_index, write_video
from tests.peers.files import file_server

pytestmark = pytest.mark.integration


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    write_video(tmp_path / "numbers.mp4", 50)
    (tmp_path / "words.mp4").write_text("no video")
    with file_server(tmp_path) as served:
        yield served


def indexes(url: str) -> list[int]:
    with open_video(CameraConfig(id="tape", url=url), lambda: 1000.0) as video:
        assert video.info.clock is Clock.FILE
        return [read_index(picture.scaled(112)) for picture in video.pictures()]


def test_a_video_over_http_is_a_file_of_which_each_frame_comes_once(url: str) -> None:
    assert indexes(f"{url}/numbers.mp4") == list(range(50))


@pytest.mark.parametrize(
    ("path", "code", "final"),
    [
        ("missing.mp4", Code.NOT_FOUND, True),
        ("words.mp4", Code.INVALID_STREAM, True),
        ("private/numbers.mp4", Code.UNAUTHORIZED, True),
        ("elsewhere/numbers.mp4", Code.INVALID_STREAM, True),  # a local file: no web server may name one
    ],
)
def test_what_cannot_be_had_says_why_without_the_password(
    url: str, path: str, code: Code, final: bool
) -> None:
    with pytest.raises(SourceError) as refused:
        indexes(f"{url.replace('://', '://viewer:Hunter2@')}/{path}")
    assert (refused.value.code, refused.value.final) == (code, final)
    assert path in str(refused.value)
    assert "Hunter2" not in str(refused.value)


def test_a_server_that_is_away_may_come_back(url: str) -> None:
    with pytest.raises(SourceError) as refused:
        indexes("http://127.0.0.1:1/numbers.mp4")
    assert (refused.value.code, refused.value.final) == (Code.REFUSED, False)
