"""The README's tables against the code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from stream.config import CameraConfig, Config, EmbedderConfig
from stream.record import encode
from tests import readme
from tests.records import embedding

LISTS: dict[str, type[BaseModel]] = {"cameras": CameraConfig, "embedders": EmbedderConfig}


def settings(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in section.model_fields.items():
        if name in LISTS and not prefix:
            yield from settings(LISTS[name], f"{name}.")
        elif isinstance(field.default, BaseModel):
            yield from settings(type(field.default), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.default


def shown(default: object) -> str:
    """As TOML has it."""
    if default is PydanticUndefined:
        return "required"
    if default is None:
        return "none"
    if isinstance(default, tuple):
        return f"[{', '.join(map(shown, default))}]"
    if isinstance(default, BaseModel):
        return f"{{ {', '.join(f'{k} = {v:g}' for k, v in default.model_dump().items())} }}"
    if isinstance(default, float):
        return f"{default:g}"
    return json.dumps(default)


def test_every_setting_is_in_the_table_with_its_default() -> None:
    told = {readme.names(key)[0]: default.strip("`") for key, default, *_ in readme.table("key")}
    assert told == {key: shown(default) for key, default in settings(Config)}


def test_every_field_of_the_record_is_in_the_table() -> None:
    told = [name for field, *_ in readme.table("field") for name in readme.names(field)]
    optional = {"motion", "novelty", "labels", "caption"}
    assert sorted(set(told) - optional) == sorted(encode(embedding(1), 0.0))
