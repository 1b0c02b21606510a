"""From the vectors of a window's frames to one vector.

Everywhere `vectors` is (N, D), a unit row for each frame that is there, oldest first, N at least 1. A frame
that is missing has no row: it is left out, never zeroed. What comes out is (D,), of unit length from `pool`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from stream.config import EmbedderConfig
from stream.frames import Vector, Vectors

Wide: TypeAlias = npt.NDArray[np.float64]
"""Sums are made in float64: the order of the rows must not show in a float32."""

Times: TypeAlias = npt.NDArray[np.float64]
"""(N,) seconds of camera time, growing."""


@dataclass(frozen=True, slots=True)
class Pooling:
    """A way of pooling, and the one parameter that some ways have. Its text is part of the space."""

    how: str
    parameter: float | None = None

    @classmethod
    def of(cls, config: EmbedderConfig) -> Self:
        parameters = {"ema": config.half_life_s, "gem": config.gem_p, "attention": config.temperature}
        return cls(config.pooling, parameters.get(config.pooling))

    def __str__(self) -> str:
        return self.how if self.parameter is None else f"{self.how} {self.parameter!r}"


def pool(vectors: Vectors, at_s: Times, pooling: Pooling) -> Vector:
    """(N, D) unit rows at (N,) seconds -> (D,) unit vector. Raises ValueError where they cancel out."""
    wide = vectors.astype(np.float64)
    match pooling:
        case Pooling("max"):
            return normalised(wide.max(axis=0))
        case Pooling("last"):
            return normalised(wide[-1])
        case Pooling("ema", float(half_life_s)):
            return normalised(ema(wide, at_s, half_life_s))
        case Pooling("gem", float(p)):
            return normalised(gem(wide, p))
        case Pooling("attention", float(temperature)):
            return normalised(attention(wide, temperature))
        case _:  # `mean`; and `none`, whose windows have one frame
            return normalised(wide.mean(axis=0))


def normalised(vector: Vector | Wide) -> Vector:
    """The vector at unit length (L2). Raises ValueError for one that has none."""
    return _direction(vector.astype(np.float64)).astype(np.float32)


def _direction(vector: Wide) -> Wide:
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0.0:
        raise ValueError("a vector without a direction cannot be normalised")
    return vector / length


def ema(vectors: Wide, at_s: Times, half_life_s: float) -> Wide:
    """Exponential moving average within the window, by the frames' times and not by their number.

    A frame weighs half as much as one that is `half_life_s` seconds newer: w_i = 2^((t_i - t_N) / half life).
    """
    return _weighted(vectors, np.exp2((at_s - at_s[-1]) / half_life_s))


def gem(vectors: Wide, p: float) -> Wide:
    """Generalised mean, (mean of x^p)^(1/p) in each component (Radenovic et al. 2018, arXiv:1711.02512).

    Theirs is of features that are not negative. Ours have signs, and keep them: x^p stands for sign(x) |x|^p,
    the root likewise. With p = 1 it is the mean; as p grows, the component of the largest magnitude.
    """
    return _power(_power(vectors, p).mean(axis=0), 1 / p)


def _power(x: Wide, p: float) -> Wide:
    return np.copysign(np.abs(x) ** p, x)


def attention(vectors: Wide, temperature: float) -> Wide:
    """Mean weighted by the softmax of (cosine to the plain mean) / temperature.

    Frames like the rest of the window count most: at 0.1, one of cosine 0.6 has e^-3 of the weight of one of
    0.9. As the temperature grows, it is the mean. Raises ValueError where the mean has no direction.
    """
    cosines = vectors @ _direction(vectors.mean(axis=0))
    return _weighted(vectors, np.exp((cosines - cosines.max()) / temperature))


def _weighted(vectors: Wide, weights: Wide) -> Wide:
    """Mean of the rows, each by its weight, (N,)."""
    return np.average(vectors, axis=0, weights=weights)
