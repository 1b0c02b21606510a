"""A classifier's closed vocabulary: its class names, as words in the space of its features."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from stream.errors import ModelError
from stream.frames import Vector, Vectors
from workers.models.spec import nearest

Places = dict[str, list[int]]  # of the classes that a word may mean


class Vocabulary:
    """Finds the row of a class by any of its names, which commas part: `hog, pig, grunter, Sus scrofa`.

    A word that is one class's first name means that class, though others have it too. One that several share
    otherwise (two cats are a `panther`) means them all: the mean of their rows.
    """

    def __init__(self, model: str, classes: Sequence[str], rows: Vectors) -> None:
        self._model = model
        self._rows = rows  # (C, D) unit
        self._first, self._any, self._lower = defaultdict(list), defaultdict(list), defaultdict(list)
        for place, names in enumerate(classes):
            first, *others = names.split(", ")
            for name in {names, first}:
                self._first[name].append(place)
            for name in {names, first, *others}:
                self._any[name].append(place)
            for name in {each.lower() for each in (names, first, *others)}:
                self._lower[name].append(place)

    def vectors(self, words: Sequence[str]) -> Vectors:
        """(N, D) float32 unit rows. Raises ModelError with the names that are nearest to an unknown word."""
        return np.stack([self._vector(word) for word in words])

    def _vector(self, word: str) -> Vector:
        mean: Vector = self._rows[self._places(word)].mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _places(self, word: str) -> list[int]:
        for known in (self._first, self._any):
            if word in known:
                return known[word]
        if word.lower() in self._lower:
            return self._lower[word.lower()]
        raise ModelError(
            f'model = "{self._model}": it knows its {len(self._rows)} classes only, and none is called '
            f'"{word}"; {nearest(word, list(self._any))}'
        )
