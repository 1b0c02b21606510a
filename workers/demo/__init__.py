"""`livevec demo`: real clips as live cameras, real weights, a private Redis, on this machine alone."""

from __future__ import annotations

import asyncio
import logging
import sys

import structlog


def run(seconds: float | None) -> None:
    """Ends when `seconds` have passed, with Ctrl-C or SIGTERM. Raises ConfigError without its extra."""
    from workers.demo.clips import find_clips  # noqa: PLC0415 # the cameras' program is in this package too
    from workers.demo.show import show  # noqa: PLC0415 # and needs none of this
    from workers.service import leave_hanging_threads  # noqa: PLC0415 # likewise

    clips = find_clips()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # the table tells
    try:
        asyncio.run(show(clips, seconds))
    finally:
        leave_hanging_threads(sys.exc_info()[1])
