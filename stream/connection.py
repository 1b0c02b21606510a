"""One connection to Redis, and what its errors mean."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, TypeVar

import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from stream.config import RedisConfig
from stream.embedded import embedded_url
from stream.errors import ConfigError, RedisError
from stream.urls import redact

CONNECT_TIMEOUT_S = 2.0
COMMAND_TIMEOUT_S = 5.0  # a server that has not answered for so long is away

T = TypeVar("T")

RedisFailure = (redis.RedisError, OSError)
"""What a command can raise."""

_OLDER = "equal or smaller than the target stream top item"


class Verdict(Enum):
    """What to do about an error."""

    RETRY = "retry"  # passes by itself, or when somebody mends the server
    FINAL = "final"  # never for this command
    OLDER = "older"  # of XADD: the key's last id is not below the one given


class OneTry(Retry):
    """What redis-py asks to retry does not, and limits the time of the one try.

    Its own limit, `socket_timeout`, goes through `asyncio.wait_for`, which in Python 3.11 can swallow a
    cancellation: a task that writes could then not be stopped.
    """

    def __init__(self, timeout_s: float) -> None:
        super().__init__(NoBackoff(), retries=0)
        self._timeout_s = timeout_s

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[T]],
        fail: Callable[..., Any],
        *options: Any,  # noqa: ANN401 - they differ between versions of redis-py
        **named: Any,  # noqa: ANN401 - likewise
    ) -> T:
        async def limited() -> T:
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await do()
            except TimeoutError:
                raise redis.TimeoutError(f"no answer in {self._timeout_s:g} s") from None

        return await super().call_with_retry(limited, fail, *options, **named)


def connect(config: RedisConfig, *, timeout_s: float = COMMAND_TIMEOUT_S) -> redis.asyncio.Redis:
    """Connects at the first command. Nothing is retried: whoever calls knows what may be sent twice."""
    try:
        return redis.asyncio.Redis.from_url(
            _url(config),
            protocol=2,  # one shape of replies in every version of redis-py
            retry=OneTry(timeout_s),
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=None,
        )
    except (ValueError, TypeError):  # its text can hold parts of a password
        raise _not_a_url(config) from None


async def check(client: redis.asyncio.Redis, config: RedisConfig) -> None:
    """Raises RedisError, one line that names the server, unless it answers."""
    try:
        await client.ping()
    except RedisFailure as error:
        raise redis_error(config, error) from None


def redis_error(config: RedisConfig, error: Exception) -> RedisError:
    """One line, without a password."""
    if isinstance(error, redis.AuthenticationError):
        return RedisError(f"Redis at {redact(_url(config))} does not let us in: {reason(error)}")
    if isinstance(error, redis.ResponseError):
        return RedisError(f"Redis at {redact(_url(config))} refuses: {reason(error)}")
    return RedisError(f"Redis at {redact(_url(config))} cannot be reached: {reason(error)}")


def classify(error: Exception) -> Verdict:
    """Final is what lies in the key or the command; what lies in the server's state can pass."""
    if isinstance(error, redis.exceptions.NoPermissionError):
        return Verdict.FINAL
    if (
        type(error) is not redis.ResponseError
    ):  # its subclasses: out of memory, read-only, cluster down, moved …
        return Verdict.RETRY
    text = reason(error)
    if _OLDER in text:
        return Verdict.OLDER
    code = text.partition(" ")[0]  # redis-py cuts a plain `ERR` off, and leaves MISCONF, NOREPLICAS, BUSY …
    return Verdict.RETRY if code.isupper() and code != "WRONGTYPE" else Verdict.FINAL


def reason(error: Exception) -> str:
    """What the server said, without the command that redis-py puts before it."""
    return str(error).rpartition("of pipeline caused error: ")[2]


def _url(config: RedisConfig) -> str:
    return embedded_url() if config.url == "embedded" else config.url


def _not_a_url(config: RedisConfig) -> ConfigError:
    return ConfigError(
        f"[redis] url = {redact(config.url)!r} is not understood: "
        "expected `embedded`, redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH"
    )
