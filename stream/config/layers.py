"""Where values come from: the command line before the environment before the file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

from stream.config.shapes import Config
from stream.errors import ConfigError

PREFIX = "LIVEVEC_"
OTHER_VARIABLES = frozenset({"LIVEVEC_LOG", "LIVEVEC_ALL_PEERS"})  # ours, but no keys of the configuration

Values: TypeAlias = Mapping[str, object]
Key: TypeAlias = tuple[str | int, ...]  # ("cameras", 1, "url")

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{")


@dataclass(frozen=True, slots=True)
class Layer:
    """Values that come from one place."""

    origin: str  # the file, the environment variable or `command line`
    values: Values

    def holds(self, key: Key) -> int:
        """How many steps of the key lead somewhere in these values."""
        value: object = self.values
        for depth, step in enumerate(key):
            try:
                value = value[step]  # type: ignore[index] # anything may stand in a file: hence the except
            except (LookupError, TypeError):
                return depth
        return len(key)

    def only(self, table: str) -> Layer:
        return Layer(self.origin, {name: value for name, value in self.values.items() if name == table})


class _Variables(Config, BaseSettings):  # type: ignore[misc] # both have a model_config; pydantic merges them
    """The configuration's shape, as pydantic-settings wants it."""


def read_file(path: Path) -> Layer:
    try:
        text = path.read_text("utf-8-sig")
        return Layer(str(path), tomllib.loads(text))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None


def read_environment(environ: Mapping[str, str]) -> tuple[list[Layer], list[str]]:
    """A layer per variable that is a key; and what is wrong with the others."""
    layers, wrong = [], []
    for name, value in environ.items():
        try:
            values = _read_variable(name, value) if name.startswith(PREFIX) else {}
        except SettingsError:  # its cause holds the value, which may hold a password
            wrong.append(f"{name}: is not JSON")
            continue
        if values:
            layers.append(Layer(name, values))
    return layers, wrong


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like ours and are not.

    To be warned of, not refused: Kubernetes gives every container LIVEVEC_PORT, LIVEVEC_SERVICE_HOST and more
    as soon as there is a service named livevec. A name with `__` behind one of our tables is surely meant
    for us, and is refused like any unknown key.
    """
    ours = (name for name in environ if name.startswith(PREFIX) and name not in OTHER_VARIABLES)
    return [name for name in ours if not _is_key(name)]


def merged(layers: Iterable[Layer]) -> Values:
    """The first layer that has a key wins; tables are merged, lists are not."""
    values: Values = {}
    for layer in layers:
        values = _beneath(values, layer.values)
    return values


def expanded(values: Values, environ: Mapping[str, str]) -> tuple[Values, dict[Key, str]]:
    """The values with each `${VAR}` in a string replaced; and by key, what could not be."""
    unset: dict[Key, str] = {}

    def walk(value: object, key: Key) -> object:
        match value:
            case str():
                try:
                    return _REFERENCE.sub(lambda reference: _replacement(reference, environ), value)
                except LookupError as error:
                    unset[key] = str(error.args[0])
            case list():
                return [walk(item, (*key, number)) for number, item in enumerate(value)]
            case dict():
                return {name: walk(item, (*key, name)) for name, item in value.items()}
        return value

    return {name: walk(value, (name,)) for name, value in values.items()}, unset


def _replacement(reference: re.Match[str], environ: Mapping[str, str]) -> str:
    if reference[0] == "$${":
        return "${"
    name = reference["name"]
    if name is None:
        raise LookupError("${ without a variable's name and a }; write $${ where ${ is meant")
    if name not in environ:
        raise LookupError(f"the environment variable {name} is not set")
    return environ[name]


def _read_variable(name: str, value: str) -> Values:
    source = EnvSettingsSource(_Variables, env_prefix=PREFIX, env_nested_delimiter="__")
    source.env_vars = {name.lower(): value}  # only this one, and of the environment that was passed in
    return source()


def _is_key(name: str) -> bool:
    try:
        return bool(_read_variable(name, "x"))
    except SettingsError:  # a table or a list, for which `x` is no JSON
        return True


def _beneath(values: Values, lower: Values) -> Values:
    both = {**lower, **values}
    for name, upper_value in values.items():
        lower_value = lower.get(name)
        if isinstance(upper_value, Mapping) and isinstance(lower_value, Mapping):
            both[name] = _beneath(upper_value, lower_value)
    return both
