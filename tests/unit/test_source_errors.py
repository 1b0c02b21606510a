"""Whatever FFmpeg raises becomes one line with a code, and never shows a password."""

from __future__ import annotations

import errno

import av.error
import pytest

from stream.config import CameraConfig
from stream.errors import Code
from stream.sources.errors import open_error, read_error

URL = "rtsp://viewer:hunter2@camera.example/live"
CAMERA = CameraConfig(id="dock-3", url=URL, open_timeout_s=10, read_timeout_s=5)
FILE = CameraConfig(id="tape", url="/tapes/tape.mp4")
ERRORS = [kind(code, "FFmpeg's words", URL) for code, kind in av.error.classes.items()]  # type: ignore[operator]


def error(kind: type[av.error.FFmpegError], code: int = errno.EIO) -> av.error.FFmpegError:
    return kind(code, "FFmpeg's words", URL)


@pytest.mark.parametrize("raised", ERRORS, ids=lambda raised: type(raised).__name__)
def test_each_error_of_ffmpeg_is_one_line_that_names_the_camera_and_no_password(
    raised: av.error.FFmpegError,
) -> None:
    assert "hunter2" in str(raised)
    for translated in (open_error(CAMERA, raised, 0.1), read_error(CAMERA, raised, 0.1)):
        text = str(translated)
        assert text.startswith("camera dock-3: rtsp://***@camera.example/live: ")
        assert len(text.splitlines()) == 1
        assert "hunter2" not in text


def test_for_a_live_camera_only_these_are_final() -> None:
    final = {type(raised).__name__ for raised in ERRORS if open_error(CAMERA, raised, 0.1).final}
    assert final == {
        "HTTPUnauthorizedError",
        "HTTPForbiddenError",
        "FileNotFoundError",
        "NotADirectoryError",
        "PermissionError",
        "ProtocolNotFoundError",
    }


def test_for_a_local_file_all_are_final() -> None:
    assert all(
        open_error(FILE, raised, 0.1).final and read_error(FILE, raised, 0.1).final for raised in ERRORS
    )


def test_for_a_file_over_http_what_the_network_did_may_pass_and_what_it_holds_stays() -> None:
    remote = CameraConfig(id="tape", url="https://viewer:hunter2@files.example/tape.mp4")
    assert open_error(remote, error(av.error.InvalidDataError), 0.1).final
    assert open_error(remote, error(av.error.HTTPNotFoundError), 0.1).final
    assert not open_error(remote, error(av.error.HTTPServerError), 0.1).final
    assert not read_error(remote, error(av.error.OSError), 0.1).final


@pytest.mark.parametrize(
    ("kind", "waited_s", "code"),
    [
        (av.error.HTTPUnauthorizedError, 0.1, Code.UNAUTHORIZED),
        (av.error.HTTPForbiddenError, 0.1, Code.FORBIDDEN),
        (av.error.HTTPNotFoundError, 0.1, Code.NOT_FOUND),
        (av.error.HTTPServerError, 0.1, Code.SERVER_ERROR),
        (av.error.HTTPTooManyRequestsError, 0.1, Code.SERVER_ERROR),
        (av.error.ConnectionRefusedError, 0.1, Code.REFUSED),
        (av.error.OSError, 0.1, Code.UNREACHABLE),
        (av.error.TimeoutError, 0.1, Code.TIMEOUT),
        (av.error.ExitError, 10.1, Code.TIMEOUT),
        (av.error.InvalidDataError, 10.1, Code.TIMEOUT),
        (av.error.ArgumentError, 10.1, Code.TIMEOUT),  # seen from a redirection without end
        (av.error.InvalidDataError, 0.1, Code.INVALID_STREAM),
    ],
)
def test_why_a_camera_did_not_open(kind: type[av.error.FFmpegError], waited_s: float, code: Code) -> None:
    assert open_error(CAMERA, error(kind), waited_s).code is code


@pytest.mark.parametrize(
    ("kind", "waited_s", "code"),
    [
        (av.error.ConnectionResetError, 0.1, Code.CLOSED),
        (av.error.OSError, 0.1, Code.CLOSED),
        (av.error.InvalidDataError, 5.1, Code.TIMEOUT),
        (av.error.InvalidDataError, 0.1, Code.INVALID_STREAM),
    ],
)
def test_why_a_camera_stopped(kind: type[av.error.FFmpegError], waited_s: float, code: Code) -> None:
    assert read_error(CAMERA, error(kind), waited_s).code is code
