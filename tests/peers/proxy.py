"""Between a client and Redis: passes everything on, until it is told to lose something."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK = 1 << 16


class Proxy:
    """`async with Proxy(server.port) as proxy:` listens on `proxy.port`.

    With `lose_every = k` the reply to every k-th transaction is lost, after the server has done it: then the
    connection is cut, or where `silent`, nothing more comes on it.
    """

    def __init__(self, target: int, *, lose_every: int = 0, silent: bool = False) -> None:
        self.port = 0
        self.lost = 0
        self._transactions = 0
        self._target = target
        self._lose_every = lose_every
        self._silent = silent
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._ended = asyncio.Event()
        self._ended.set()

    async def open(self) -> None:
        """On the same port as before, if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Nobody listens, and every connection is cut."""
        if self._server is not None:
            self._server.close()
            self.cut()
            await self._ended.wait()

    def cut(self) -> None:
        """Every connection, without a goodbye."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        writers = {to_client, to_server}
        self._writers |= writers
        self._ended.clear()
        try:
            with suppress(ExceptionGroup):  # of connections that were cut
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._forward(client, to_server))
                    tasks.create_task(self._back(server, to_client))
        finally:
            for writer in writers:
                writer.transport.abort()
            self._writers -= writers
            if not self._writers:
                self._ended.set()

    async def _forward(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        while data := await client.read(CHUNK):
            to_server.write(data)
            await to_server.drain()
        raise ConnectionResetError("the client has gone")

    async def _back(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        losing = False
        while data := await server.read(CHUNK):
            losing = losing or self._is_lost(data)
            if losing and not self._silent:
                raise ConnectionResetError("cut")
            if not losing:
                to_client.write(data)
                await to_client.drain()
        raise ConnectionResetError("the server has gone")

    def _is_lost(self, reply: bytes) -> bool:
        """Within a transaction each command is answered QUEUED, before the array of ids."""
        if b"QUEUED" not in reply or not self._lose_every:
            return False
        self._transactions += 1
        if self._transactions % self._lose_every:
            return False
        self.lost += 1
        return True
