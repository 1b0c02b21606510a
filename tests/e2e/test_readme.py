"""The README's blocks, as a user would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import readme
from tests.media import clip, write_video
from tests.peers import RtspServer
from tests.peers.redis_server import VALKEY, RedisServer, program_of
from tests.program import Livevec
from workers.demo.table import COLUMNS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
SCRIPTS = str(Path(sys.executable).parent)
ENVIRON = os.environ | {"PATH": f"{SCRIPTS}:{os.environ['PATH']}"}
PASSWORD = "correct-horse"  # noqa: S105 - of nobody
STORY_S = 180.0  # both cores may be busy


def run(command: str, folder: Path, **environ: str) -> str:
    done = subprocess.run(  # noqa: S602 - a README is for a shell
        command,
        shell=True,
        cwd=folder,
        env=ENVIRON | environ,
        capture_output=True,
        text=True,
        timeout=STORY_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_make_demo_shows_what_the_readme_shows() -> None:
    assert readme.block("sh", "make demo").strip() == "make demo"
    told = readme.block("text", "looks like")
    assert all(word in told for column in COLUMNS for word in column.split("\n"))
    venv = Path(sys.executable).parents[1]
    shown = run(f"make demo DEMO='--seconds 12' VENV={venv}", ROOT)
    for camera, embedder in re.findall(r"^ ?(\w+) +live +[\d.]+ (\w+)", told, re.MULTILINE):
        assert re.search(rf"^{camera}: live, .* {embedder}: [1-9]\d* windows", shown, re.MULTILINE)


def test_make_test_and_make_check_are_targets() -> None:
    for target in re.findall(r"make ([a-z-]+)", readme.TEXT):
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_the_configuration_is_valid_and_explained(tmp_path: Path) -> None:
    (tmp_path / "livevec.toml").write_text(readme.block("toml", "[[cameras]]"))
    check, _ = readme.block("sh", "livevec check").splitlines()
    account = run(check, tmp_path, DOCK_PASSWORD=PASSWORD)
    assert "dock-3" in account
    assert "open_clip:ViT-B-32/laion2b_s34b_b79k" in account
    assert PASSWORD not in account


def test_the_camera_is_embedded_and_the_ten_lines_read_it(tmp_path: Path) -> None:
    """With a camera that is here, and without the weights, which are not."""
    reader = readme.block("python", "import redis")
    assert len(reader.splitlines()) <= 10
    with RtspServer(clip("bikes")) as camera, RedisServer(program_of(VALKEY), tmp_path) as server:
        config = readme.block("toml", "[[cameras]]").replace(
            "rtsp://viewer:${DOCK_PASSWORD}@dock-3.example/stream1", camera.url
        )
        (tmp_path / "livevec.toml").write_text(config + 'weights = "random"\n')
        url = server.url.partition("?")[0]
        (tmp_path / "reader.py").write_text(reader.replace("redis://localhost:6379", url))
        _, command = readme.block("sh", "livevec check").splitlines()
        with Livevec(
            tmp_path, *command.split()[1:], folder=tmp_path, environ={"LIVEVEC_REDIS__URL": url}
        ) as livevec:
            lines = first_lines([sys.executable, "-u", "reader.py"], tmp_path, 3)
            assert livevec.terminate() == 0
    for line in lines:
        assert re.fullmatch(r"\d+-0 \d+\.\d{3} [\d.]+ \(512,\)", line)


def test_a_recorded_file_goes_into_an_npz(tmp_path: Path) -> None:
    config = readme.block("toml", "[[cameras]]") + 'weights = "random"\n'
    (tmp_path / "livevec.toml").write_text(config)
    write_video(tmp_path / "clip.mp4", 100)
    command = re.search(r"`(livevec embed clip\.mp4 [^`]*)`", readme.TEXT)
    assert command is not None
    run(command[1], tmp_path, DOCK_PASSWORD=PASSWORD)
    assert (tmp_path / "clip.npz").is_file()


def first_lines(command: list[str], folder: Path, count: int) -> list[str]:
    """Of what a program prints that goes on for ever."""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            return [process.stdout.readline().strip() for _ in range(count)]
        finally:
            process.kill()
