"""What is said to people: log lines on stderr, never with a password."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from stream.urls import redact

_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)


def redacted(text: str) -> str:
    """The text with the secrets of the URLs in it masked."""
    return _URL.sub(lambda url: redact(url[0]), text)


def set_up_logging(environ: Mapping[str, str], *, only_warnings: bool = False) -> None:
    """One event, one line, on stderr; as JSON with LIVEVEC_LOG=json."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_secrets,
            _renderer(environ.get("LIVEVEC_LOG", "console")),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if only_warnings else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _renderer(style: str) -> Processor:
    if style == "json":
        return structlog.processors.JSONRenderer(default=str)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)


def _without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    first = ("timestamp", "level", "event")  # the same order in every line
    ordered = {name: event[name] for name in first if name in event} | dict(event)
    return {name: _shown(value) for name, value in ordered.items()}


def _shown(value: Any) -> Any:  # noqa: ANN401 # anything may be logged
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {name: _shown(item) for name, item in value.items()}
        case list() | tuple():
            return [_shown(item) for item in value]
    return redacted(str(value))
