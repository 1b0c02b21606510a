"""`livevec bench`: what a second of video costs, stage by stage, beside the naive way."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
import typer
from rich.console import Console

from stream.errors import ConfigError
from workers.bench.media import write_video
from workers.bench.report import Report
from workers.bench.workload import FAMILIES, SHORTEST_S, probe
from workers.models.spec import Spec

DEFAULT_MODEL = "open_clip:ViT-B-32"  # what `livevec run` has by default; untrained, it costs the same


def run(
    video: Path | None = None,
    *,
    seconds: float = 20,
    rounds: int = 3,
    model: str | None = None,
    json_file: Path | None = None,
) -> None:
    """Prints the costs, and writes them as JSON. Raises NotExact, ConfigError, ModelError and SourceError.

    Without `video` one of `seconds` is made.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    spec = _model(model or DEFAULT_MODEL)
    with TemporaryDirectory(prefix="livevec-bench-") as folder:
        file = probe(_given(video) if video else _made(Path(folder), seconds))
        from workers.bench.rounds import measure  # noqa: PLC0415 # torch: not for a word about a wrong file

        report = asyncio.run(measure(file, spec, rounds, Path(folder)))
    _show(report)
    if json_file is not None:
        json_file.write_text(json.dumps(report.fields(), indent=2) + "\n")


def _given(video: Path) -> Path:
    if not video.is_file():
        raise ConfigError(f"--input: no such file: {video}")
    return video


def _made(folder: Path, seconds: float) -> Path:
    if seconds < SHORTEST_S:
        raise ConfigError(f"--seconds: must be at least {SHORTEST_S:g}")
    typer.echo(f"making a video of {seconds:g} s ...")
    write_video(folder / "made.mp4", seconds)
    return folder / "made.mp4"


def _model(named: str) -> Spec:
    """With the weights that it names, if it does. Raises ConfigError."""
    spec = Spec.parse(named, "auto")
    if spec.family not in FAMILIES:
        raise ConfigError(f"--model {named}: what can be measured is {' and '.join(FAMILIES)}")
    return spec if spec.tag or not spec.name else replace(spec, weights="random")


def _show(report: Report) -> None:
    for line in report.heading():
        typer.echo(line)
    Console().print(report.table())
    for line in report.findings():
        typer.echo(line)
