"""What is wrong with a configuration, in one line each: the place, the key, the way out.

Pydantic's own text holds the values it refused, which may be passwords; none of it is shown as it is.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import cast, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from stream.config.layers import Key, Layer, Values
from stream.config.section import Section
from stream.config.shapes import Config, Names


def complaints(error: ValidationError) -> dict[Key, str]:
    """By key, what is wrong there."""
    return {detail["loc"]: _text(detail) for detail in error.errors(include_url=False, include_input=False)}


def line(key: Key, text: str, values: Values, layers: Sequence[Layer]) -> str:
    """`livevec.toml: cameras.dock-3.url: must be …`. `layers` highest first; what lacks is the last one's."""
    nearest = max(layers, key=lambda layer: layer.holds(key))
    origin = nearest.origin if nearest.holds(key) else layers[-1].origin
    return f"{origin}: {_dotted(key, values)}: {text}"


def _text(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return _unknown(detail["loc"])
        case "tuple_type":
            return "must be a list"
        case "model_type":
            return "must be a table"
    text = detail["msg"].partition(", unable to parse")[0]
    return text.removeprefix("Value error, ").replace("Input should be", "must be")


def _unknown(key: Key) -> str:
    known = list(_section(key[:-1]).model_fields)
    nearest = difflib.get_close_matches(str(key[-1]), known, n=1)
    return (
        f"unknown key; did you mean {nearest[0]}?" if nearest else f"unknown key; known: {', '.join(known)}"
    )


def _section(key: Key) -> type[Section]:
    """The shape of the table that stands there."""
    section: type[Section] = Config
    for name in (step for step in key if isinstance(step, str)):
        annotation = section.model_fields[name].annotation
        listed = get_args(annotation)  # of `tuple[CameraConfig, ...]`
        section = cast("type[Section]", listed[0] if listed else annotation)
    return section


def _dotted(key: Key, values: object) -> str:
    """`embedders.scene.windows[0].span_s`: by id or name where there is one, else by number."""
    text = ""
    for step in key:
        values = _inside(values, step)
        if isinstance(step, int):
            name = _name(values)
            text += f".{name}" if name else f"[{step}]"
        else:
            text += "." + (step if Names.fullmatch(step) else '"…"')  # a slip may have made a value a key
    return text.removeprefix(".")


def _inside(values: object, step: str | int) -> object:
    if isinstance(values, Mapping):
        return values.get(step)
    if isinstance(values, Sequence) and isinstance(step, int):
        return values[step]
    return None


def _name(table: object) -> str | None:
    if not isinstance(table, Mapping):
        return None
    name = table.get("id", table.get("name"))
    return name if isinstance(name, str) and Names.fullmatch(name) else None
