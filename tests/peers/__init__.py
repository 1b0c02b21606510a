"""Cameras to test against: real servers as child processes, and one that misbehaves by script.

with GstServer(write_video(tmp_path / "numbers.mp4", 250)) as camera:
    ... camera.url ... camera.kill() ... camera.start() ...
"""

from __future__ import annotations

import importlib.util
import os
import select
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.peers.packets import write_packets

HERE = Path(__file__).parent
SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's: `gi` is not to be had from PyPI without a compiler
READY_S = 30.0  # both cores may be busy
_HAS_GST = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


def require_peer(name: str, *, found: bool) -> None:
    """Skips a test whose peer is not installed; fails it where LIVEVEC_ALL_PEERS=1 says that all are."""
    if found:
        return
    if os.environ.get("LIVEVEC_ALL_PEERS") == "1":
        pytest.fail(f"{name} is not installed, but LIVEVEC_ALL_PEERS=1")
    pytest.skip(f"{name} is not installed")


class Child(ABC):
    """A server as a child process, which can be killed, paused and started again."""

    _process: subprocess.Popen[str] | None = None

    @abstractmethod
    def start(self) -> None:
        """Returns when it can be used."""

    def kill(self) -> None:
        """As when its power is cut: no goodbye. Its kernel closes its connections."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def pause(self) -> None:
        """It hangs: connections stay, and are even taken, but nothing comes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class Server(Child):
    """A camera as a child process. It keeps its port when it is killed and started again."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self.port = 0

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    def start(self) -> None:
        """Returns when it listens."""
        command = [*self._command, "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        heard, _, _ = select.select([self._process.stdout], [], [], READY_S)
        words = self._process.stdout.readline().split() if heard else []
        if words[:1] != ["ready"]:
            self.kill()
            pytest.fail(f"{self._command[1]} did not start; its own words are above")
        self.port = int(words[1])


class GstServer(Server):
    """GStreamer's RTSP server, which plays an H.264 video over and over, as it was encoded."""

    def __init__(self, video: Path, *, user: str = "", password: str = "") -> None:
        require_peer("GStreamer's RTSP server (gir1.2-gst-rtsp-server-1.0)", found=_runs(_HAS_GST))
        packets = write_packets(video, video.with_suffix(".packets"))
        login = ["--user", user, "--password", password] if user else []
        super().__init__([SYSTEM_PYTHON, str(HERE / "gst_rtsp_server.py"), str(packets), *login])


class RtspServer(Server):
    """The `rtsp` package's server, which plays a video over and over, encoded anew without B-frames."""

    def __init__(self, video: Path) -> None:
        require_peer("the rtsp package", found=importlib.util.find_spec("rtsp") is not None)
        super().__init__([sys.executable, str(HERE / "rtsp_server.py"), str(video)])


def _runs(program: str) -> bool:
    if not Path(SYSTEM_PYTHON).exists():
        return False
    return subprocess.run([SYSTEM_PYTHON, "-c", program], capture_output=True, check=False).returncode == 0
