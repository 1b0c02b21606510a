"""Starts the demo's cameras beside the program and ends them with it."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from stream.errors import LivevecError

START_TIMEOUT_S = 60.0  # two seconds on a free machine: imports, and reading three clips
STOP_TIMEOUT_S = 2.0  # they have nothing to finish


@asynccontextmanager
async def cameras(clips: Sequence[Path]) -> AsyncIterator[dict[str, str]]:
    """Serves the clips as live cameras. Gives their URLs by id. Raises LivevecError if they do not start."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers.demo.cameras", *map(str, clips)),
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,  # a Ctrl-C at the terminal is for us: the pipeline ends before its cameras
    )
    try:
        yield await _urls(process)
    finally:
        await _end(process)


async def _urls(process: Process) -> dict[str, str]:
    line = b""
    if process.stdout is not None:
        async with asyncio.timeout(START_TIMEOUT_S):
            line = await process.stdout.readline()
    if not line:
        raise LivevecError("the demo's cameras did not start")
    urls: dict[str, str] = json.loads(line)
    return urls


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
