"""The command line. Each command imports what it needs when it runs: `--help` and `tail` start at once."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup

from stream.errors import ConfigError, LivevecError, ModelError
from workers.models_cli import app as models

if TYPE_CHECKING:
    from stream.config import Config

DONE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130

_UsageError = cast(type[typer.BadParameter], typer.BadParameter.__mro__[1])  # typer exports only its child


class Commands(TyperGroup):
    """Turns what a command raises into an exit code. A bug keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 # click's Context, which typer ships under a private name
        with _endings():
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, where a broken pipe is still ours to answer
            return result


app = typer.Typer(
    cls=Commands,
    help="Live cameras to rolling video embeddings in Redis streams.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain lines, also in a pipe
    pretty_exceptions_enable=False,  # it shows local variables, and they may hold passwords
)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="The configuration, TOML.")
]
RedisUrl = Annotated[
    str | None, typer.Option("--redis", metavar="URL", help="In place of the configured one.")
]
Cameras = Annotated[
    list[str] | None,
    typer.Option("--camera", metavar="ID=URL", help="A camera, in place of the configured ones. Repeatable."),
]


def main() -> None:
    app(prog_name="livevec")


def _end_at_once(_signal: int, _frame: object) -> None:
    raise SystemExit(DONE)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"livevec {_version()}")
        raise typer.Exit


def _version() -> str:
    try:
        return version("livevec")
    except PackageNotFoundError:
        return "(run from its sources, not installed)"


@app.callback()
def _options(
    _wanted: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...


@app.command()
def run(config: ConfigFile = None, camera: Cameras = None) -> None:
    """Pull cameras, embed their windows, publish to Redis.

    Ends at SIGTERM or Ctrl-C, or when all its cameras are files and have been read.
    """
    signal.signal(signal.SIGTERM, _end_at_once)  # until the service minds it; imports take seconds
    settings = _settings(config, camera)
    from workers import check, console, service  # noqa: PLC0415 # not for --help

    console.set_up_logging(os.environ)
    check.verify(settings)
    service.run(settings)


@app.command()
def demo(
    seconds: Annotated[float | None, typer.Option(min=1, help="End by itself after so long.")] = None,
) -> None:
    """Show it all: clips as live RTSP cameras, and a live table.

    Serves real clips on this machine, embeds them with real weights, publishes to a private Redis.
    """
    from workers import console  # noqa: PLC0415 # not for --help
    from workers import demo as demonstration  # noqa: PLC0415 # likewise

    console.set_up_logging(os.environ)
    demonstration.run(seconds)


@app.command()
def check(config: ConfigFile = None, camera: Cameras = None) -> None:
    """Validate a configuration and explain what it will do.

    Opens no camera, loads no model, connects to nothing.
    """
    from workers import check as checking  # noqa: PLC0415 # not for --help

    settings = _settings(config, camera)
    for line in checking.account(settings, checking.verify(settings)):
        typer.echo(line)


@app.command()
def tail(
    config: ConfigFile = None,
    redis: RedisUrl = None,
    camera: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only this one. Repeatable.")] = None,
    embedder: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this one. Repeatable.")
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="WHEN", help="Begin back then: 30s, 10m, 2d, an entry id, 0 for all.")
    ] = "$",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per record.")] = False,
    vectors: Annotated[bool, typer.Option("--vectors", help="With --json: the embeddings too.")] = False,
) -> None:
    """Follow the records in Redis, a line each.

    Finds the Valkey that a livevec on this machine has started, unless told of another.
    """
    from stream.config import load_redis  # noqa: PLC0415 # not for --help
    from workers import tail as tailing  # noqa: PLC0415 # likewise

    server = load_redis(config, os.environ, {"redis": {"url": redis}} if redis else {})
    tailing.run(server, tailing.Wanted(camera, embedder, since, as_json, vectors))


@app.command()
def embed(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A video file, or its http(s):// URL.")],
    config: ConfigFile = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="NPZ", help="Where to write.")
    ] = None,
    redis: Annotated[bool, typer.Option("--redis", help="Publish to the configured Redis instead.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="One vector for the whole file.")] = False,
) -> None:
    """Embed one file at full speed, into an .npz file.

    The same windows as a live run gives; or with --whole one vector of every sampled frame.
    """
    if redis == (output is not None) or (redis and whole):
        raise ConfigError("embed: expected either --output NPZ, with --whole or without, or --redis")
    settings = _settings(config, [f"{_camera_id(file)}={file}"])
    from workers import check, console  # noqa: PLC0415 # not for --help
    from workers import embed as embedding  # noqa: PLC0415 # likewise

    console.set_up_logging(os.environ, only_warnings=True)
    check.verify(settings)
    if output is None:
        typer.echo(embedding.to_redis(settings))
    else:
        typer.echo(embedding.to_file(settings, output, whole=whole))


def _camera_id(file: str) -> str:
    """Of the file's name, what an id may hold."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", Path(file).stem)[:64] or "file"


@app.command()
def bench(
    video: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="A video file. Default: one is made.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="Length of the one that is made.")] = 20,
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured.")] = 3,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="An image model, as configured.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures there, too.")
    ] = None,
) -> None:
    """Measure what a second of video costs, beside the naive way."""
    from workers import bench as benchmark  # noqa: PLC0415 # not for --help

    benchmark.run(video, seconds=seconds, rounds=rounds, model=model, json_file=json_file)


app.add_typer(models, name="models")


def _settings(config: Path | None, cameras: list[str] | None) -> Config:
    from stream.config import load, unknown_variables  # noqa: PLC0415 # not for --help

    unknown = unknown_variables(os.environ)
    if unknown:
        typer.echo(f"livevec: no settings of livevec, ignored: {', '.join(unknown)}", err=True)
    return load(config, os.environ, {"cameras": [_camera(text) for text in cameras]} if cameras else {})


def _camera(text: str) -> dict[str, str]:
    camera, separator, url = text.partition("=")
    if not separator:
        raise ConfigError("--camera: expected ID=URL")
    return {"id": camera, "url": url}


@contextmanager
def _endings() -> Iterator[None]:
    try:
        yield
    except LivevecError as error:
        _fail([error])
    except BaseExceptionGroup as group:
        expected, bugs = group.split(LivevecError)
        if bugs or not expected:
            raise
        _fail(_leaves(expected))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:  # `livevec tail | head`: the reader has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python's last flush fails again
        raise typer.Exit(DONE) from None
    except _UsageError as error:
        from workers.console import redacted  # noqa: PLC0415 # not for --help

        error.message = redacted(error.message)  # it may repeat a URL from a wrong place
        raise


def _leaves(group: BaseExceptionGroup[LivevecError]) -> Iterator[LivevecError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _fail(errors: Iterator[LivevecError] | list[LivevecError]) -> None:
    code = BAD_USAGE
    for error in errors:
        for line in str(error).splitlines():
            typer.echo(f"livevec: {line}", err=True)
        if not isinstance(error, ConfigError | ModelError):
            code = FAILED
    raise typer.Exit(code) from None
