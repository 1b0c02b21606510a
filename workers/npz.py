"""The .npz file that `livevec embed` writes.

For each embedder NAME it holds `NAME.vectors`, (N, D) float32, unit rows; and of each row `NAME.start` and
`NAME.end` (seconds, the window is (start, end]), `NAME.frames` and `NAME.coverage`; where an endpoint
captions the windows also `NAME.caption`, and D is 0 where captions have no vector. `meta` is JSON: what the
embedders are, with the `space` that says which vectors may be compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream.config import Config
from stream.frames import Vector
from stream.record import Embedding
from stream.rolls import Embedder
from stream.urls import redact


class Row(NamedTuple):
    """A vector, and the part of the file that it is of."""

    vector: Vector
    start: float  # seconds; (start, end]
    end: float
    frames: int
    coverage: float
    caption: str | None = None

    @classmethod
    def of(cls, window: Embedding) -> Row:
        return cls(window.vector, window.start, window.end, window.frames, window.coverage, window.caption)


def write(
    output: Path,
    config: Config,
    embedders: Sequence[Embedder],
    rows: Mapping[str, Sequence[Row]],
    *,
    whole: bool,
) -> None:
    """All or nothing: what was there before stands until all is written."""
    partial = output.with_name(f"{output.name}.partial")
    with partial.open("wb") as file:  # given a name, numpy would append its own suffix
        meta = json.dumps(_meta(config, embedders, whole=whole))
        arrays = _arrays(embedders, rows)
        np.savez(file, meta=np.array(meta), **arrays)  # type: ignore[arg-type] # no array is `allow_pickle`
    partial.replace(output)


def _arrays(embedders: Sequence[Embedder], rows: Mapping[str, Sequence[Row]]) -> dict[str, npt.NDArray[Any]]:
    held: dict[str, npt.NDArray[Any]] = {}
    for embedder in embedders:
        name = embedder.config.name
        vectors = [row.vector for row in rows[name]]
        held[f"{name}.vectors"] = np.array(vectors, np.float32).reshape(len(vectors), embedder.card.dim)
        captions = [("caption", str)] if embedder.config.chat else []
        for column, kind in [
            ("start", float),
            ("end", float),
            ("frames", int),
            ("coverage", float),
            *captions,
        ]:
            held[f"{name}.{column}"] = np.array([getattr(row, column) for row in rows[name]], kind)
    return held


def _meta(config: Config, embedders: Sequence[Embedder], *, whole: bool) -> dict[str, Any]:
    camera = config.cameras[0]
    return {
        "file": redact(camera.url),
        "starts_at": camera.starts_at,
        "whole": whole,
        "embedders": {e.config.name: _description(e) for e in embedders},
    }


def _description(embedder: Embedder) -> dict[str, Any]:
    card = embedder.card
    return {
        "model": card.model,
        "weights": card.weights,
        "kind": card.kind,
        "space": embedder.space,
        "dim": card.dim,
        "fps": float(embedder.rate),
        "pooling": str(embedder.pooling),
    }
