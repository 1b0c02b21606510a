"""The configuration: its shape, its defaults, and the only place that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from stream.config.chat import MODEL_PREFIX, ChatConfig
from stream.config.complaints import complaints, line
from stream.config.layers import (
    Layer,
    Values,
    expanded,
    merged,
    read_environment,
    read_file,
    unknown_variables,
)
from stream.config.section import Section
from stream.config.shapes import (
    DEFAULT_EMBEDDERS,
    CameraConfig,
    Config,
    EmbedderConfig,
    QueueConfig,
    ReconnectConfig,
    RedisConfig,
    WindowConfig,
    check_spans,
)
from stream.errors import ConfigError

__all__ = [
    "DEFAULT_EMBEDDERS",
    "MODEL_PREFIX",
    "CameraConfig",
    "ChatConfig",
    "Config",
    "EmbedderConfig",
    "QueueConfig",
    "ReconnectConfig",
    "RedisConfig",
    "WindowConfig",
    "check_spans",
    "load",
    "load_embedders",
    "load_redis",
    "unknown_variables",
]


S = TypeVar("S", bound=Section)


class _RedisOnly(Section):
    redis: RedisConfig = RedisConfig()


class _EmbeddersOnly(Section):
    embedders: tuple[EmbedderConfig, ...]


def load(path: Path | None, environ: Mapping[str, str], overrides: Values | None = None) -> Config:
    """The configuration: `overrides` (of the command line) before `environ` before the file.

    Without a file, embedders that nobody names are the default ones. Raises ConfigError with one line for
    each thing that is wrong; none shows a value that could be a secret.
    """
    return _validated(Config, *_layers(path, environ, overrides), environ)


def load_redis(path: Path | None, environ: Mapping[str, str], overrides: Values | None = None) -> RedisConfig:
    """Only `[redis]`: who reads records needs neither the cameras nor the variables with their passwords."""
    layers, wrong = _layers(path, environ, overrides)
    ours = [layer.only("redis") for layer in layers]
    return _validated(_RedisOnly, ours, wrong, environ).redis


def load_embedders(path: Path | None, environ: Mapping[str, str]) -> tuple[EmbedderConfig, ...]:
    """Only `[[embedders]]`: who looks at models needs no cameras."""
    layers, wrong = _layers(path, environ, None)
    ours = [layer.only("embedders") for layer in layers]
    return _validated(_EmbeddersOnly, ours, wrong, environ).embedders


def _layers(
    path: Path | None, environ: Mapping[str, str], overrides: Values | None
) -> tuple[list[Layer], list[str]]:
    """Highest first; and what is wrong already."""
    variables, wrong = read_environment(environ)
    lowest = read_file(path) if path else Layer("configuration", {"embedders": list(DEFAULT_EMBEDDERS)})
    return [Layer("command line", overrides or {}), *variables, lowest], wrong


def _validated(shape: type[S], layers: list[Layer], wrong: list[str], environ: Mapping[str, str]) -> S:
    values, problems = expanded(merged(layers), environ)
    try:
        config = shape.model_validate(values)
    except ValidationError as error:
        problems = complaints(error) | problems
    else:
        if not problems and not wrong:
            return config
    raise ConfigError("\n".join(wrong + [line(key, text, values, layers) for key, text in problems.items()]))
