"""From the vectors of a window's frames to one vector."""

from __future__ import annotations

import numpy as np

from stream.frames import Vector, Vectors


def normalised(vector: Vector) -> Vector:
    """The vector at unit length (L2). Raises ValueError for one that has none."""
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not np.isfinite(length) or length == 0.0:
        raise ValueError("a vector without a direction cannot be normalised")
    return (vector / length).astype(np.float32)


def pool(vectors: Vectors, how: str) -> Vector:
    """(N, D) unit rows -> (D,) unit vector: their `mean`, or the `max` of each component."""
    if how == "max":
        return normalised(vectors.max(axis=0))
    return normalised(vectors.mean(axis=0, dtype=np.float64).astype(np.float32))
