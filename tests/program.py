"""The program as its users start it: a process of its own, with its own home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

STOP_S = 5.0  # what the program promises between SIGTERM and its end


class Livevec:
    """`livevec ARGUMENTS` in the background. Its embedded Valkey and its log are under `home`."""

    def __init__(
        self,
        home: Path,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._arguments = arguments
        self._folder = folder
        self._log = home / "livevec.log"
        self.environ = (
            os.environ | {"XDG_STATE_HOME": str(home), "LIVEVEC_LOG": "console"} | dict(environ or {})
        )

    @property
    def redis_url(self) -> str:
        """Of its embedded Valkey."""
        return f"unix://{self.environ['XDG_STATE_HOME']}/livevec/valkey.sock"

    @property
    def said(self) -> str:
        return self._log.read_text()

    def __enter__(self) -> Self:
        with self._log.open("a") as log:
            command = [sys.executable, "-m", "workers", *self._arguments]
            self.process = subprocess.Popen(
                command, env=self.environ, cwd=self._folder, stdout=log, stderr=log
            )
        return self

    def terminate(self) -> int:
        """SIGTERM; its exit code. Raises TimeoutExpired where it takes longer than it promises."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind is not None:
            print(self.said)  # noqa: T201 - pytest shows it with the failure
