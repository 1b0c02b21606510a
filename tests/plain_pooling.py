"""Pooling once more, frame by frame in plain Python and numpy, as its definitions read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Rows: TypeAlias = npt.NDArray[Any]


def weighted(rows: Rows, weights: list[float]) -> Rows:
    total = np.zeros(rows.shape[1])
    for row, weight in zip(rows, weights, strict=True):
        total += weight * row
    return total / sum(weights)


def ema(rows: Rows, at_s: Rows, half_life_s: float) -> Rows:
    return weighted(rows, [0.5 ** ((at_s[-1] - each_s) / half_life_s) for each_s in at_s])


def gem(rows: Rows, _: Rows, p: float) -> Rows:
    means = [np.mean([np.sign(x) * abs(x) ** p for x in column]) for column in rows.T]
    return np.array([np.sign(mean) * abs(mean) ** (1 / p) for mean in means])


def attention(rows: Rows, _: Rows, temperature: float) -> Rows:
    mean = rows.mean(axis=0)
    cosines = [row @ mean / np.linalg.norm(mean) for row in rows]
    return weighted(rows, [exp((cosine - 1) / temperature) for cosine in cosines])


POOLINGS: Mapping[str, Callable[[Rows, Rows, float], Rows]] = {
    "mean": lambda rows, _t, _p: rows.mean(axis=0),
    "max": lambda rows, _t, _p: rows.max(axis=0),
    "last": lambda rows, _t, _p: rows[-1],
    "ema": ema,
    "gem": gem,
    "attention": attention,
}
PARAMETERS: Mapping[str, tuple[float, ...]] = {
    "ema": (0.1, 1.0, 30.0),
    "gem": (1.0, 3.0, 16.0),
    "attention": (0.02, 0.1, 10.0),
}
CASES = [(how, parameter) for how in POOLINGS for parameter in PARAMETERS.get(how, (None,))]


def pooled(rows: Rows, at_s: Rows, how: str, parameter: float | None) -> Rows:
    """(D,) unit, float64."""
    vector = POOLINGS[how](np.asarray(rows, np.float64), at_s, parameter or 0.0)
    return np.asarray(vector / np.linalg.norm(vector))
