"""`livevec models`: which there are, how fast they are here, and their weights fetched ahead."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from stream.errors import ConfigError

if TYPE_CHECKING:
    from stream.config import EmbedderConfig


class _Listing(TyperGroup):
    """`livevec models NAME` is `livevec models list NAME`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 # click's Context, as in `cli`
        if not args or args[0] not in {*self.commands, "--help"}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Listing,
    help="List the models, measure them, fetch their weights.\n\nWithout a command: list.",
    rich_markup_mode=None,
)

Models = Annotated[list[str] | None, typer.Argument(metavar="MODEL", help="As configured: FAMILY:NAME/TAG.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="The models of its embedders.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per model.")]


@app.command("list")
def list_models(
    model: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Only what has one of these in its name.")
    ] = None,
    family: Annotated[str | None, typer.Option(metavar="FAMILY", help="All of this one.")] = None,
    as_json: AsJson = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Load the models that are named, and measure them.")
    ] = False,
    config: ConfigFile = None,
    random: Annotated[bool, typer.Option("--random", help="Measure with untrained weights.")] = False,
    device: Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu or cuda:N.")] = "auto",
    batch: Annotated[int | None, typer.Option(min=1, help="Default: as configured.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often it is measured.")] = 5,
) -> None:
    """List models, and where their weights are.

    With --measure: milliseconds per item on this machine, alone and in a batch.
    """
    if measure:
        _refuse("does not go with --measure", family=family)
        _measure(_embedders(model, config, random=random, batch=batch), device, rounds, as_json=as_json)
    else:
        _refuse("is for --measure", config=config, random=random, batch=batch)
        _list(model or [], family, as_json=as_json)


def _list(names: list[str], family: str | None, *, as_json: bool) -> None:
    from workers import models_report as report  # noqa: PLC0415 # not for --help
    from workers.models.catalogue import catalogue  # noqa: PLC0415 # likewise

    listings = catalogue(names, family, whole=as_json)
    _say(map(json.dumps, report.facts_of(listings)) if as_json else report.lines_of(listings))


def _measure(embedders: list[EmbedderConfig], device: str, rounds: int, *, as_json: bool) -> None:
    from workers import models_report as report  # noqa: PLC0415 # not for --help

    width = max(len(embedder.model) for embedder in embedders)
    if not as_json:
        typer.echo(report.header_of_measured(width))
    for each in report.measured(embedders, device, rounds):
        typer.echo(json.dumps(each.facts) if as_json else each.line(width))


@app.command()
def pull(model: Models = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Fetch weights ahead, and tell their SHA-256.

    They go where a start finds them: HF_HOME and TORCH_HOME say where that is.
    """
    embedders = _embedders(model, config)
    from workers import models_report as report  # noqa: PLC0415 # not for --help

    for found in report.pulled(embedders):
        _say([json.dumps(report.facts_of_pulled(found))] if as_json else report.lines_of_pulled(found))


def _embedders(
    models: list[str] | None, path: Path | None, *, random: bool = False, batch: int | None = None
) -> list[EmbedderConfig]:
    """Those of the file and one for each model."""
    from stream.config import EmbedderConfig, load_embedders  # noqa: PLC0415 # not for --help

    configured = load_embedders(path, os.environ) if path else ()
    embedders = [embedder.local for embedder in configured if embedder.local]
    embedders += [
        EmbedderConfig(name=f"model-{index}", model=name) for index, name in enumerate(models or ())
    ]
    if not embedders:
        raise ConfigError("models: which? name some, or a configuration with --config FILE")
    changed: dict[str, object] = {"weights": "random", "sha256": None} if random else {}
    if batch:
        changed["max_batch"] = batch
    return [embedder.model_copy(update=changed) for embedder in embedders]


def _refuse(why: str, **options: object) -> None:
    for name, value in options.items():
        if value:
            raise ConfigError(f"models: --{name} {why}")


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)
