"""The command line as its users meet it: exit codes, one line for what is wrong, and no password."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.media import write_video

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

COMMANDS = ("run", "demo", "check", "tail", "embed", "bench", "models")
HEAVY = {"torch", "torchvision", "open_clip", "timm", "av", "aiortc", "redis", "pydantic", "rich"}

PASSWORD = {"DOCK_PASSWORD": "hunter2"}

CONFIG = """
[[cameras]]
id = "dock"
url = "rtsp://viewer:${{DOCK_PASSWORD}}@127.0.0.1:9/1"

[[embedders]]
name = "scene"
model = "{model}"
weights = "random"
"""

SCRIPT = """
from stream.errors import *
from workers.cli import app, main

@app.command()
def happen():
    url = "rtsp://u:hun" + "ter2@h"
    {statement}

main()
"""


def python(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=os.environ | environ, capture_output=True, text=True, check=False
    )


def livevec(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return python("-m", "workers", *arguments, **environ)


def script(statement: str) -> subprocess.CompletedProcess[str]:
    """`livevec` with one more command, which does what the test wants to happen."""
    return python("-c", SCRIPT.format(statement=statement), "happen")


def configured(folder: Path, *, model: str = "efficientnet_lite0") -> str:
    path = folder / "livevec.toml"
    path.write_text(CONFIG.format(model=model))
    return str(path)


def imported(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The packages that a process run with `-X importtime` has imported."""
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_help_tells_each_command_in_a_line_and_imports_nothing_heavy() -> None:
    done = python("-X", "importtime", "-m", "workers", "--help")
    assert done.returncode == 0
    told = {line.split()[0]: line for line in done.stdout.partition("Commands:")[2].strip().splitlines()}
    assert tuple(told) == COMMANDS
    assert not any(line.endswith("...") for line in told.values()), "a line is cut"
    assert not imported(done) & HEAVY


def test_tail_does_without_what_decodes_and_embeds(tmp_path: Path) -> None:
    done = python("-X", "importtime", "-m", "workers", "tail", XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "redis" in imported(done)
    assert not imported(done) & {"torch", "av", "aiortc", "open_clip", "timm"}
    assert done.stderr.splitlines()[-1].startswith("livevec: no livevec with an embedded Valkey runs")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = livevec(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: livevec {command} ")


def test_the_version_is_told() -> None:
    done = livevec("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("livevec ")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run"], "configuration: cameras: none configured: add a [[cameras]] table, or use --camera ID=URL"),
        (["check", "--config", "none.toml"], "none.toml: No such file or directory"),
        (["check", "--camera", "rtsp://u:hunter2@h"], "--camera: expected ID=URL"),
        (["run", "--camera", "a b=clip.mp4"], "command line: cameras[0].id: must be 1 to 64 letters"),
        (["run", "--camera", "a=concat:hunter2:x@y|b"], "command line: cameras.a.url: "),
        (
            ["tail", "--redis", "http://u:hunter2@h"],
            "command line: redis.url: must be embedded, redis://HOST",
        ),
        (["embed", "clip.mp4"], "embed: expected either --output NPZ, with --whole or without, or --redis"),
        (["embed", "clip.mp4", "--redis", "--whole"], "embed: expected either --output NPZ"),
        (["embed", "clip.mp4", "--redis", "--output", "x.npz"], "embed: expected either --output NPZ"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage_is_one_line_and_exit_code_2(arguments: Sequence[str], line: str) -> None:
    done = livevec(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"livevec: {line}")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("arguments", [["fly"], ["run", "--fly"], ["run", "rtsp://u:hunter2@h"]])
def test_what_no_command_takes_is_refused_with_a_hint(arguments: Sequence[str]) -> None:
    done = livevec(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Try 'livevec" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_misspelt_model_is_refused_before_the_start(command: str, tmp_path: Path) -> None:
    config = configured(tmp_path, model="efficientnet_lite")
    done = livevec(command, "--config", config, **PASSWORD, XDG_STATE_HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith('livevec: embedders.scene: model = "efficientnet_lite": ')
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "livevec").exists(), "no Valkey was started"


def test_a_file_without_video_is_refused_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    config, camera = configured(tmp_path), f"tape={tmp_path / 'notes.mp4'}"
    done = livevec("run", "--camera", camera, "--config", config, **PASSWORD, XDG_STATE_HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("livevec: camera tape: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "livevec").exists(), "no Valkey was started"


def test_check_explains_and_opens_nothing(tmp_path: Path) -> None:
    config = configured(tmp_path)
    done = livevec("check", "--config", config, **PASSWORD, XDG_STATE_HOME=str(tmp_path), LIVEVEC_PORT="80")
    assert done.returncode == 0
    assert "  dock: rtsp://***@127.0.0.1:9/1\n" in done.stdout
    assert "  livevec:dock:scene\n" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("warning: scene: untrained weights")
    assert done.stderr == "livevec: no settings of livevec, ignored: LIVEVEC_PORT\n"
    assert not (tmp_path / "livevec").exists(), "no Valkey was started"


def test_a_variable_that_is_not_set_is_named_with_its_key(tmp_path: Path) -> None:
    config = configured(tmp_path)
    done = livevec("check", "--config", config)
    assert (done.returncode, done.stdout) == (2, "")
    line = f"livevec: {config}: cameras.dock.url: the environment variable DOCK_PASSWORD is not set\n"
    assert done.stderr == line


def test_a_redis_that_is_not_there_is_one_line_and_exit_code_1() -> None:
    done = livevec("tail", "--redis", "redis://viewer:hunter2@127.0.0.1:9")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("livevec: Redis at redis://***@127.0.0.1:9 cannot be reached: ")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        ("RedisError('gone')", 1, "livevec: gone\n"),
        ("ModelError('unknown')", 2, "livevec: unknown\n"),
        ("ConfigError('first\\nsecond')", 2, "livevec: first\nlivevec: second\n"),
        (
            "ExceptionGroup('', [ConfigError('a'), ExceptionGroup('', [RedisError('b')])])",
            1,
            "livevec: a\nlivevec: b\n",
        ),
        ("KeyboardInterrupt", 130, ""),
        ("BrokenPipeError", 0, ""),
    ],
)
def test_what_a_command_raises_becomes_its_exit_code(error: str, code: int, said: str) -> None:
    done = script(f"raise {error}")
    assert (done.returncode, done.stderr) == (code, said)


@pytest.mark.parametrize(
    "bug", ["KeyError('a bug')", "ExceptionGroup('', [KeyError('a bug'), RedisError('x')])"]
)
def test_a_bug_keeps_its_traceback_and_shows_no_variables(bug: str) -> None:
    done = script(f"raise {bug}")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "a bug" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_file_without_video_is_one_line_and_leaves_no_output(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    done = embed(tmp_path, tmp_path / "notes.mp4")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("livevec: camera notes: ")
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["livevec.toml", "notes.mp4"]


def test_output_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    video = write_video(tmp_path / "numbers.mp4", 10)
    done = embed(tmp_path, video, output=tmp_path / "none" / "x.npz")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"livevec: --output: no such folder: {tmp_path / 'none'}"


def embed(folder: Path, video: Path, *, output: Path | None = None) -> subprocess.CompletedProcess[str]:
    target = str(output or folder / "x.npz")
    return livevec("embed", str(video), "--config", configured(folder), "--output", target)
