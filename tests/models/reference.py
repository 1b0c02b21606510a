"""The libraries' own way from pictures to vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from stream.frames import Pixels, Vector, Vectors
from workers.models import Model

Reference = Callable[[Sequence[Pixels]], Vectors]

EXACT = 0.9999  # cosine, of the same pixels
ERROR_SHARE = 0.01  # seen: 0.005; scaled with another filter 0.02 and more


def unit(rows: Tensor) -> Vectors:
    vectors: Vectors = nn.functional.normalize(rows).numpy()
    return vectors


def images(model: Model, shown: Sequence[Pixels]) -> Vectors:
    return model.embed([[picture] for picture in shown])


def cosines(ours: Vectors, theirs: Vectors) -> Vector:
    """Of row with row."""
    product: Vector = (ours * theirs).sum(axis=1)
    return product


def error_share(ours: Vectors, theirs: Vectors) -> float:
    """Our distance from the library, of its own distance between two different pictures or clips.

    An untrained network brings all pictures near to each other: there a cosine alone proves little.
    """
    return float(np.linalg.norm(ours - theirs, axis=1).max() / np.linalg.norm(theirs[0] - theirs[-1]))


def pooled(rows: Vectors) -> Vectors:
    """(1, D): the mean, as unit vector."""
    return unit(torch.from_numpy(rows.mean(axis=0, keepdims=True)))


def through_pil(net: Callable[[Tensor], Tensor], transform: Callable[[Image.Image], Tensor]) -> Reference:
    """As the libraries' own examples do it: one picture at a time through PIL, then a batch."""

    def embed(shown: Sequence[Pixels]) -> Vectors:
        with torch.inference_mode():
            return unit(net(torch.stack([transform(Image.fromarray(picture)) for picture in shown])))

    return embed
