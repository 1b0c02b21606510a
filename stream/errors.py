"""Everything that a user can meet, by name. `str(error)` is one line that names the thing and the way out."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Why a camera is not delivering; stands in events, in its state and in metrics."""

    REFUSED = "refused"  # nobody listens at that port
    UNREACHABLE = "unreachable"  # unknown host, no route
    UNAUTHORIZED = "unauthorized"  # 401
    FORBIDDEN = "forbidden"  # 403
    NOT_FOUND = "not_found"  # 404, or no such file
    TIMEOUT = "timeout"  # no answer, or one that drips
    CLOSED = "closed"  # the camera ended the connection
    SERVER_ERROR = "server_error"  # 5xx and other refusals that may pass
    NO_VIDEO = "no_video"  # opened, but there is no picture in it
    INVALID_STREAM = "invalid_stream"  # what came is not what it should be
    UNSUPPORTED = "unsupported"  # a scheme, codec or size that is not taken
    CLOCK_JUMP = "clock_jump"  # presentation times ran backwards or leapt


class LivevecError(Exception):
    """Something that the user can act on. Never shown with a traceback."""


class ConfigError(LivevecError):
    """The configuration cannot be used; nothing was started."""


class ModelError(LivevecError):
    """A model is not known, or its weights cannot be had."""


class WeightsUnavailable(ModelError):
    """A model's weights are not on this machine, and could not be fetched."""


class EmbedError(LivevecError):
    """A model failed on a batch."""


class RedisError(LivevecError):
    """Redis cannot be reached, or refused what it was sent."""


class SourceError(LivevecError):
    """A camera or a file stopped delivering."""

    def __init__(self, code: Code, text: str, *, final: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.final = final  # another try with the same configuration cannot help
