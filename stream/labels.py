"""What a window looks like in words: the nearest of a list, by the vectors that a model has for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream.frames import Vector, Vectors
from stream.record import Scored

DIGITS = 4  # of a score: cosines with words differ in the second


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """C words in the space of a model's vectors."""

    names: Sequence[str]  # C
    vectors: Vectors  # (C, D) unit rows
    top_k: int

    def nearest(self, vector: Vector) -> Scored:
        """The `top_k` whose rows are nearest to a window's unit vector, with their cosines, nearest first.

        Of a classifier's classes too: a softmax of its logits would be of single pictures, not of what is
        pooled, and changes with the list; a cosine may be held against a threshold.
        """
        cosines = self.vectors @ vector
        order = np.argsort(-cosines, kind="stable")[: self.top_k]
        return tuple((self.names[place], round(float(cosines[place]), DIGITS)) for place in order)
