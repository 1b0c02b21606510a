"""What FFmpeg raises, said as what happened to a camera or a file."""

from __future__ import annotations

from dataclasses import dataclass

import av.error

from stream.config import CameraConfig
from stream.errors import Code, SourceError
from stream.urls import Scheme, check_url, is_live, redact


@dataclass(frozen=True, slots=True)
class _Reason:
    code: Code
    text: str  # what happened, and a way out
    final: bool = False


_KNOWN: dict[type[av.error.FFmpegError], _Reason] = {  # the first that fits
    av.error.HTTPUnauthorizedError: _Reason(
        Code.UNAUTHORIZED, "user or password refused (401): are they right?", final=True
    ),
    av.error.HTTPForbiddenError: _Reason(
        Code.FORBIDDEN, "access forbidden (403): may this user see this stream?", final=True
    ),
    av.error.HTTPNotFoundError: _Reason(Code.NOT_FOUND, "no such stream (404): is the path right?"),
    av.error.HTTPClientError: _Reason(Code.SERVER_ERROR, "the server refuses the request: is the URL right?"),
    av.error.HTTPServerError: _Reason(Code.SERVER_ERROR, "the server reports an error of its own"),
    av.error.ConnectionRefusedError: _Reason(
        Code.REFUSED, "connection refused: is the port right, and the camera on?"
    ),
    av.error.ConnectionResetError: _Reason(Code.CLOSED, "the connection was reset"),
    av.error.ConnectionAbortedError: _Reason(Code.CLOSED, "the connection was cut"),
    av.error.BrokenPipeError: _Reason(Code.CLOSED, "the connection was closed"),
    av.error.FileNotFoundError: _Reason(Code.NOT_FOUND, "no such file: is the path right?", final=True),
    av.error.NotADirectoryError: _Reason(Code.NOT_FOUND, "no such path: is it right?", final=True),
    av.error.PermissionError: _Reason(
        Code.FORBIDDEN, "not to be read: are its permissions right?", final=True
    ),
    av.error.ProtocolNotFoundError: _Reason(
        Code.UNSUPPORTED, "this FFmpeg does not speak that protocol", final=True
    ),
}
_NO_ANSWER = _Reason(Code.TIMEOUT, "no answer in time: is the address right, and the camera on?")
_NO_WAY = _Reason(Code.UNREACHABLE, "no way to that host: are its name and the network right?")
_NO_SUCH_PATH = _Reason(Code.NOT_FOUND, "cannot be opened: is the path right?")
_LOST = _Reason(Code.CLOSED, "nothing more could be read from it")
_NOT_RTSP = _Reason(Code.INVALID_STREAM, "what answers there is no RTSP stream: are port and path right?")
_NOT_VIDEO = _Reason(Code.INVALID_STREAM, "not a video of a known kind, or a damaged one")

_STAYS = frozenset({Code.NOT_FOUND, Code.NO_VIDEO, Code.INVALID_STREAM, Code.UNSUPPORTED, Code.CLOCK_JUMP})
"""What is so with a file at each try."""


def open_error(camera: CameraConfig, error: av.error.FFmpegError, waited_s: float) -> SourceError:
    """For what `av.open` raised after `waited_s` seconds."""
    reason = _known(error)
    if reason is None and _timed_out(error, waited_s, camera.open_timeout_s):
        reason = _NO_ANSWER
    if reason is None and isinstance(error, av.error.OSError):  # FFmpeg says EIO for an unknown host
        reason = _NO_SUCH_PATH if check_url(camera.url) is Scheme.FILE else _NO_WAY
    return _error(camera, reason or (_NOT_RTSP if is_live(camera.url) else _NOT_VIDEO))


def read_error(camera: CameraConfig, error: av.error.FFmpegError, waited_s: float) -> SourceError:
    """For what reading a packet raised after `waited_s` seconds."""
    reason = _known(error)
    if reason is None and _timed_out(error, waited_s, camera.read_timeout_s):
        return silent(camera)
    return _error(camera, reason or (_LOST if isinstance(error, av.error.OSError) else _NOT_VIDEO))


def silent(camera: CameraConfig) -> SourceError:
    text = f"nothing came for {camera.read_timeout_s:g} s: does it hang, or the network?"
    return failure(camera, Code.TIMEOUT, text)


def failure(camera: CameraConfig, code: Code, text: str, *, final: bool = False) -> SourceError:
    """An error that names the camera and its URL, without a password.

    A live camera may be mended, so for it only `final` is final; of a local file every failure is.
    """
    stays = not is_live(camera.url) and (code in _STAYS or check_url(camera.url) is Scheme.FILE)
    return SourceError(code, f"camera {camera.id}: {redact(camera.url)}: {text}", final=final or stays)


def _error(camera: CameraConfig, reason: _Reason) -> SourceError:
    return failure(camera, reason.code, reason.text, final=reason.final)


def _known(error: av.error.FFmpegError) -> _Reason | None:
    return next((reason for kind, reason in _KNOWN.items() if isinstance(error, kind)), None)


def _timed_out(error: av.error.FFmpegError, waited_s: float, limit_s: float) -> bool:
    """PyAV's limit shows as `ExitError`, or within RTSP as bad data or arguments; so does FFmpeg's own."""
    return isinstance(error, av.error.ExitError | av.error.TimeoutError) or waited_s >= limit_s
