"""Reads what the pipeline publishes, as any other program can: from Redis alone."""

from __future__ import annotations

import asyncio

from stream import reader
from stream.config import RedisConfig
from stream.connection import connect
from stream.status import CameraStatus, State
from workers.demo.board import Board

STATES_EVERY_S = 0.5  # the pipeline tells them once a second
CATCH_UP_S = 2.0  # for the last records to be read once they are written


class Consumer:
    """Keeps a board up to date."""

    def __init__(self, config: RedisConfig, board: Board) -> None:
        self._redis = connect(config)
        self._board = board
        self._changed = asyncio.Event()
        self.started = asyncio.Event()  # the pipeline tells of its cameras

    async def follow_records(self) -> None:
        """Ends only when cancelled."""
        async for _, embedding in reader.follow(self._redis, since="0"):
            self._board.record(embedding)
            self._changed.set()

    async def follow_states(self) -> None:
        """Ends only when cancelled."""
        while True:
            await self._read_states()
            await asyncio.sleep(STATES_EVERY_S)

    async def catch_up(self) -> None:
        """Returns when every record is read that the pipeline says it has published."""
        await self._read_states()
        async with asyncio.timeout(CATCH_UP_S):
            while self._board.is_behind():
                self._changed.clear()
                await self._changed.wait()

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _read_states(self) -> None:
        for camera, state in (await reader.cameras(self._redis)).items():
            self._board.statuses[camera] = CameraStatus(**{**state, "state": State(state["state"])})
            self.started.set()
