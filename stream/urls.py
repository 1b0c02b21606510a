"""What a camera's URL says, and how it is shown: never with a password."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stream.errors import ConfigError

MASK = "***"


class Scheme(StrEnum):
    """The kinds of URL that are taken. FFmpeg knows many more; some read any file, some join inputs."""

    RTSP = "rtsp"
    RTSPS = "rtsps"
    HTTP = "http"
    HTTPS = "https"
    FILE = "file"  # file:///path, or just a path


_LIVE = frozenset({Scheme.RTSP, Scheme.RTSPS})
_BEFORE_COLON = re.compile(r"([^/]*?):")  # FFmpeg takes `subfile,,start,0,end,9,,:` for a scheme too
_WITH_HOST = re.compile(r"([a-z][a-z0-9+.-]*://)(.*)", re.IGNORECASE)
_HOST_AND_PATH = re.compile(r"([^/?#]*)(.*)")
_HOST = re.compile(r"(\[[0-9a-f:.%]*\]|[^:]*)(:\d*)?", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"([^&;/?#=]*(?:pass|pwd|token|secret|key|auth|sig|credential|session|user|usr|login)[^&;/?#=]*=)[^&]*",
    re.IGNORECASE,
)


def check_url(url: str) -> Scheme:
    """The URL's kind. Raises ConfigError for one that is not taken."""
    if not url or not url.isprintable():
        raise ConfigError("a URL is empty or holds a character that cannot be printed")
    before_colon = _BEFORE_COLON.match(url)
    if before_colon is None:
        return Scheme.FILE
    scheme = before_colon[1].lower()
    if scheme not in set(Scheme):
        taken = ", ".join(f"{known}://" for known in Scheme)
        raise ConfigError(f"{redact(url)}: this kind of URL is not taken; {taken} and paths of files are")
    if scheme != Scheme.FILE and not _has_host(url):
        hint = "are host and port right, and the special characters of the password percent-encoded?"
        raise ConfigError(f"{redact(url)}: {hint}")
    return Scheme(scheme)


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_live(url: str) -> bool:
    """A live camera cannot wait and has no end; a file, local or over HTTP, can and has."""
    return check_url(url) in _LIVE


def local_path(url: str) -> Path:
    """The file that a `file:` URL or a path names."""
    if not url.lower().startswith("file:"):
        return Path(url)
    path = url[len("file:") :]
    if path.startswith("//"):
        path = path[2:].removeprefix("localhost")
    return Path(unquote(path))


def redact(url: str) -> str:
    """The URL as it may be shown, on one line. Never raises, also for what is no URL.

    All before the last `@` counts as user and password, even behind a slash or a question mark, for people
    forget to percent-encode them: better to lose a host's name than to show half a password.
    """
    shown = "".join(char if char.isprintable() else "?" for char in url)
    if with_host := _WITH_HOST.fullmatch(shown):
        return with_host[1] + _redact_from_host(with_host[2])
    return _redact_from_host(shown) if re.search(":.*@", shown) else _redact_values(shown)


def _redact_from_host(rest: str) -> str:
    """`rest` is what stands behind `://`."""
    _, at, rest = rest.rpartition("@")
    host, tail = _HOST_AND_PATH.fullmatch(rest).groups()  # type: ignore[union-attr] # it always matches
    if not _HOST.fullmatch(host):  # `user:password`, and the host forgotten
        host = MASK
    return (MASK + at if at else "") + host + _redact_values(tail)


def _redact_values(tail: str) -> str:
    return _SECRET_VALUE.sub(rf"\1{MASK}", tail)
