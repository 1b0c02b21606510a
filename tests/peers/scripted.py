"""A camera that misbehaves by script, in threads of the test. A script plays one connection, then it ends."""

from __future__ import annotations

import re
import socket
import socketserver
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import TypeAlias

DRIP_S = 0.05  # between two bytes: far shorter than any time-out that waits for one
POLL_S = 0.02  # of `serve_forever`: how long stopping it takes

Script: TypeAlias = Callable[["Connection"], None]


@dataclass
class Connection:
    """What a script has in its hands."""

    socket: socket.socket
    url: str
    ended: Event  # the test is over

    def request(self) -> tuple[str, str]:
        """Method and CSeq of the next request; empty where the peer has gone."""
        received = b""
        while b"\r\n\r\n" not in received:
            part = self.socket.recv(4096)
            if not part:
                return "", ""
            received += part
        cseq = re.search(rb"CSeq: *(\d+)", received, re.IGNORECASE)
        return received.split(b" ")[0].decode(), cseq[1].decode() if cseq else "0"

    def requests(self) -> Iterator[tuple[str, str]]:
        while (request := self.request())[0]:
            yield request

    def answer(self, cseq: str, status: str, headers: str = "", body: bytes = b"") -> None:
        head = f"RTSP/1.0 {status}\r\nCSeq: {cseq}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self.socket.sendall(head.encode() + body)


def mute(peer: Connection) -> None:
    """Takes everything, says nothing."""
    while peer.socket.recv(4096):
        pass


def drip(peer: Connection) -> None:
    """An answer without end, byte by byte."""
    while not peer.ended.wait(DRIP_S):
        peer.socket.sendall(b"R")


def hang_up(peer: Connection) -> None:
    peer.request()


def garbage(peer: Connection) -> None:
    peer.request()
    peer.socket.sendall(bytes(range(256)) * 64)


def redirect_to_itself(peer: Connection) -> None:
    for _, cseq in peer.requests():
        peer.answer(cseq, "302 Moved Temporarily", f"Location: {peer.url}\r\n")


def status(line: str) -> Script:
    """Refuses all requests, such as with `404 Not Found`."""

    def refuse(peer: Connection) -> None:
        for _, cseq in peer.requests():
            peer.answer(cseq, line, 'WWW-Authenticate: Basic realm="camera"\r\n')

    return refuse


def describe(sdp: bytes) -> Script:
    """Answers DESCRIBE with this, anything else with yes; sends no packet."""

    def play(peer: Connection) -> None:
        for method, cseq in peer.requests():
            if method == "DESCRIBE":
                peer.answer(cseq, "200 OK", "Content-Type: application/sdp\r\n", sdp)
            else:
                transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
                peer.answer(cseq, "200 OK", transport)

    return play


@contextmanager
def scripted_server(script: Script, *, login: str = "") -> Iterator[str]:
    """The URL of a camera that plays `script` on every connection."""
    ended = Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            script(Connection(self.request, url, ended))

    with _Server(("127.0.0.1", 0), Handler) as server, ThreadPoolExecutor(1) as executor:
        url = f"rtsp://{login}127.0.0.1:{server.server_address[1]}/live"
        executor.submit(server.serve_forever, POLL_S)
        try:
            yield url
        finally:
            ended.set()
            server.shutdown()


class _Server(socketserver.ThreadingTCPServer):
    """Closing it waits for its threads."""

    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """The peer gave up first: that is what these tests are for."""
