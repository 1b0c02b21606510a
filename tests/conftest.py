"""After each test no thread and no child process is left."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psutil
import pytest

LINGER_S = 10.0  # a decoder thread ends at its next picture, a child when it has written its last words


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    threads, children = set(threading.enumerate()), set(psutil.Process().children())
    yield
    started = [thread for thread in threading.enumerate() if thread not in threads]
    for thread in started:
        thread.join(LINGER_S)
    left = [thread.name for thread in started if thread.is_alive()]
    assert not left, f"threads left: {left}"
    new = [child for child in psutil.Process().children() if child not in children]
    _, alive = psutil.wait_procs(new, LINGER_S)
    assert not alive, f"child processes left: {alive}"
