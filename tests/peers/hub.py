"""A hub of models on loopback: repositories are folders of files, as the Hugging Face hub gives them out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

POLL_S = 0.02  # of `serve_forever`: how long stopping it takes
COMMITS = {"main": "a" * 40, "v2": "b" * 40}  # of every repository, by revision


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, root: Path, *args: Any) -> None:
        self._root = root
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self._file()

    def do_GET(self) -> None:
        self.wfile.write(self._file())

    def _file(self) -> bytes:
        """Of /ORG/NAME/resolve/REVISION/FILE, which lies in ORG/NAME/REVISION/FILE. Its headers are sent."""
        parts = self.path.lstrip("/").split("/", 4)
        place = self._root.joinpath(*parts[:2], *parts[3:])
        if len(parts) < 5 or not place.is_file():
            self.send_response(HTTPStatus.NOT_FOUND)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return b""
        content = place.read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMITS[parts[3]])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its name there
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing it waits for them


@contextmanager
def hub(root: Path) -> Iterator[str]:
    """Its address, for HF_ENDPOINT."""
    with _Server(("127.0.0.1", 0), partial(_Handler, root)) as server, ThreadPoolExecutor(1) as executor:
        executor.submit(server.serve_forever, POLL_S)
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
