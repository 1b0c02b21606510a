"""An OpenAI-compatible endpoint that answers by script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What is sent for one request: never, where `status` is 0; byte by byte for ever, where it drips."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    drips: bool = False

    def encoded(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        lines = [f"HTTP/1.1 {self.status} Said", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


def says(caption: str, tokens: int = 0, **message: Any) -> Reply:
    choice = {"finish_reason": "stop", "message": {"role": "assistant", "content": caption, **message}}
    return Reply(body={"choices": [choice], "usage": {"total_tokens": tokens}})


@dataclass
class ChatServer:
    """What it was asked, and where."""

    replies: list[Reply]  # the last one for ever
    url: str = ""
    heads: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection. Ends when its peer has gone."""
        try:
            while True:
                await self._take(reader)
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                await _send(reply, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        self.heads.append(head)
        self.bodies.append(json.loads(body) if body else {})


async def _send(reply: Reply, writer: asyncio.StreamWriter) -> None:
    if reply.status == 0:
        await asyncio.Event().wait()
    if not reply.drips:
        writer.write(reply.encoded())
        return await writer.drain()
    while True:
        writer.write(b"X")
        await writer.drain()
        await asyncio.sleep(0.01)


@asynccontextmanager
async def chat_server(*replies: Reply) -> AsyncIterator[ChatServer]:
    chat = ChatServer(list(replies))
    connections: set[asyncio.Task[None]] = set()
    async with asyncio.TaskGroup() as tasks:

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.add(tasks.create_task(chat.serve(reader, writer)))

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        chat.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        try:
            yield chat
        finally:
            server.close()
            for connection in connections:
                connection.cancel()


def pictures_of(body: Mapping[str, Any]) -> Sequence[str]:
    """The data URLs of a request, in order."""
    (message,) = body["messages"]
    return [part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url"]
