"""`livevec demo`, as it comes: its own cameras, its own Redis, real weights."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from timm.data.imagenet_info import ImageNetInfo

from tests.program import STOP_S, Livevec
from workers.models.motion import network

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

STORY_S = 120.0  # torch alone takes ten seconds to import when both cores are busy
CAMERAS = ("bikes", "bigbuckbunny", "carphone")
CONTROL_CODES = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
CLASSES = {name.partition(",")[0] for name in ImageNetInfo().label_descriptions()}
ON_WHEELS_IN_THE_STREET = {
    *("bicycle-built-for-two", "cab", "horse cart", "jinrikisha", "moped", "motor scooter", "mountain bike"),
    *("parking meter", "tricycle", "unicycle"),
}
MOVEMENTS = set(network.CLASSES)
AROUND_A_COLLAR = {"bow tie", "seat belt", "suit", "Windsor tie"}  # of a man in a car, on the telephone


def wait_for(condition: Callable[[], bool], demo: Livevec) -> None:
    """Until it holds. Looks ten times a second, as long as the program runs."""
    for _ in range(round(STORY_S * 10)):
        if condition():
            return
        with pytest.raises(psutil.TimeoutExpired):  # else it has ended too soon
            psutil.Process(demo.process.pid).wait(0.1)
    pytest.fail(f"waited {STORY_S} s in vain")


def started_by(demo: Livevec) -> list[psutil.Process]:
    return list(psutil.Process(demo.process.pid).children(recursive=True))


def left_of(children: list[psutil.Process]) -> list[psutil.Process]:
    """Those that do not end soon."""
    _, alive = psutil.wait_procs(children, timeout=10)
    return list(alive)


def part_of(said: str, camera: str) -> str:
    """The camera's part of the summary."""
    return said.rpartition(f"\n{camera}: reconnects: ")[2].partition(": reconnects: ")[0]


def windows_of(said: str, camera: str) -> dict[str, int]:
    """By embedder."""
    lines = re.findall(r"^  (\w+): windows: (\d+)", part_of(said, camera), re.MULTILINE)
    return {embedder: int(count) for embedder, count in lines}


def looked_like(said: str, camera: str, embedder: str = "scene") -> set[str]:
    (line,) = re.findall(rf"^  {embedder}: .*looked like: (.*)", part_of(said, camera), re.MULTILINE)
    return set(line.split(", "))


def test_twenty_seconds_of_it(tmp_path: Path) -> None:
    with Livevec(tmp_path, "demo", "--seconds", "20") as demo:
        wait_for(lambda: "\ncarphone: live" in demo.said, demo)
        children = started_by(demo)
        assert len(children) == 2  # the cameras and Valkey
        assert demo.process.wait(STORY_S) == 0
        assert not left_of(children)
    assert not CONTROL_CODES.search(demo.said)
    for camera in CAMERAS:
        windows = windows_of(demo.said, camera)
        assert windows["scene"] >= 5, windows  # of 17 in 20 s; half a core is enough for that
        assert windows["action"] >= 1, windows
        assert looked_like(demo.said, camera) <= CLASSES
        assert looked_like(demo.said, camera, "action") <= MOVEMENTS
    assert looked_like(demo.said, "bikes") & ON_WHEELS_IN_THE_STREET
    assert looked_like(demo.said, "carphone") & AROUND_A_COLLAR


def test_ends_with_its_summary_when_asked_to(tmp_path: Path) -> None:
    with Livevec(tmp_path, "demo") as demo:
        wait_for(lambda: "\ncarphone: live" in demo.said, demo)
        assert demo.terminate() == 0
    assert demo.said.count("reconnects: 0") == len(CAMERAS)


def test_ends_at_once_while_it_loads(tmp_path: Path) -> None:
    with Livevec(tmp_path, "demo") as demo:
        wait_for(lambda: "loading" in demo.said, demo)
        children = started_by(demo)
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(STOP_S) == 0
        assert not left_of(children)


def test_a_kill_leaves_nothing(tmp_path: Path) -> None:
    with Livevec(tmp_path, "demo", environ={"TMPDIR": str(tmp_path)}) as demo:  # but its folder, for once
        wait_for(lambda: "loading" in demo.said, demo)
        children = started_by(demo)
        demo.process.kill()
        assert len(children) == 2
        assert not left_of(children)


def test_its_cameras_are_on_loopback_only(tmp_path: Path) -> None:
    with Livevec(tmp_path, "demo") as demo:
        wait_for(lambda: "loading" in demo.said, demo)
        listening = [
            connection.laddr.ip
            for process in started_by(demo)
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening == ["127.0.0.1"] * len(CAMERAS)
        assert demo.terminate() == 0
