"""Which words a record names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stream.config import EmbedderConfig
from stream.errors import ModelError
from stream.frames import Pixels, Vector, Vectors
from stream.labels import Labels
from tests.made import card
from workers.models.labelling import labels_of

AXES = np.eye(4, dtype=np.float32)


class Bare:
    card = card()

    def embed(self, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        raise NotImplementedError


class Tower(Bare):
    """Remembers what it was asked for; the n-th text is the n-th axis."""

    def __init__(self) -> None:
        self.asked: tuple[Sequence[str], Sequence[str]] = ((), ())

    def embed_text(self, texts: Sequence[str], prompts: Sequence[str] = ("{}",)) -> Vectors:
        self.asked = texts, prompts
        return np.eye(len(texts), dtype=np.float32)


class TwoClasses(Tower):
    classes = ("mountain bike, all-terrain bike, off-roader", "hare")
    class_vectors = AXES[:2]


def configured(**changes: Any) -> EmbedderConfig:
    return EmbedderConfig.model_validate({"name": "scene", "model": "made"} | changes)


def test_the_nearest_come_first_with_their_cosines() -> None:
    labels = Labels(("up", "down", "left"), np.array([[0, 1], [0, -1], [-1, 0]], np.float32), top_k=2)
    assert labels.nearest(np.array([-0.6, 0.8], np.float32)) == (("up", 0.8), ("left", 0.6))


def test_fewer_words_than_are_asked_for_are_all_told() -> None:
    labels = Labels(("up", "down"), AXES[:2], top_k=5)
    assert [name for name, _ in labels.nearest(AXES[1])] == ["down", "up"]


@given(arrays.arrays(np.float32, (7, 4), elements=st.floats(-1, 1, width=32)), st.integers(1, 9))
def test_none_that_is_left_out_is_nearer(vectors: Vectors, top_k: int) -> None:
    vector: Vector = AXES[0]
    told = dict(Labels([str(n) for n in range(7)], vectors, top_k).nearest(vector))
    left_out = [cosine for n, cosine in enumerate(vectors @ vector) if str(n) not in told]
    assert len(told) == min(top_k, 7)
    assert list(told.values()) == sorted(told.values(), reverse=True)
    assert all(cosine <= min(told.values()) + 1e-4 for cosine in left_out)


def test_a_list_goes_through_the_text_tower_with_the_prompts() -> None:
    tower, texts, prompts = Tower(), ("a person falling", "a person"), ("{}", "a photo of {}")
    labels = labels_of(configured(labels=texts, prompts=prompts, top_k=1), tower)
    assert tower.asked == (texts, prompts)
    assert labels is not None
    assert labels.nearest(np.array([0, 1], np.float32)) == (("a person", 1.0),)


def test_imagenet_is_its_thousand_classes_by_their_first_names() -> None:
    tower = Tower()
    assert labels_of(configured(labels="imagenet"), tower) is not None
    asked = tower.asked[0]
    assert {"tench", "hare", "mountain bike", "toilet tissue"} <= set(asked)
    assert len(asked) == len(set(asked)) == 998  # two are called crane, two maillot


def test_a_classifiers_own_classes_go_by_their_first_names() -> None:
    labels = labels_of(configured(labels="classes"), TwoClasses())
    assert labels is not None
    assert labels.nearest(AXES[0]) == (("mountain bike", 1.0), ("hare", 0.0))


def test_none_are_told_where_none_are_asked_for() -> None:
    assert labels_of(configured(), TwoClasses()) is None


@pytest.mark.parametrize(
    ("model", "labels", "says"),
    [
        (Tower(), "classes", 'has no classes of its own; say "imagenet" or a list of texts'),
        (Bare(), "classes", "has neither a text tower nor trained classes"),
        (Bare(), ["a bus"], "has neither a text tower nor trained classes"),
        (Bare(), "imagenet", "has neither a text tower nor trained classes"),
    ],
)
def test_a_model_without_vectors_for_them_is_named(model: Bare, labels: object, says: str) -> None:
    with pytest.raises(ModelError, match=f'^embedders.scene.labels: model = "made" {says}$'):
        labels_of(configured(labels=labels), model)
