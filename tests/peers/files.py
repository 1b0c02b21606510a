"""A web server that gives out a folder's files, and refuses what lies under /private."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

POLL_S = 0.02  # of `serve_forever`: how long stopping it takes


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/private"):
            self.send_error(HTTPStatus.UNAUTHORIZED)
        elif self.path.startswith("/elsewhere"):
            self.send_response(HTTPStatus.FOUND)
            self.send_header("Location", "file:" + self.translate_path(self.path.removeprefix("/elsewhere")))
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its name there
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing it waits for them


@contextmanager
def file_server(folder: Path) -> Iterator[str]:
    """Its URL. /elsewhere/NAME redirects to the local file, which no client should follow."""
    handler = partial(_Handler, directory=str(folder))
    with _Server(("127.0.0.1", 0), handler) as server, ThreadPoolExecutor(1) as executor:
        executor.submit(server.serve_forever, POLL_S)
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
