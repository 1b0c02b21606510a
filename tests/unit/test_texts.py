"""`labels`, `prompts` and `shadow` in the configuration."""

from __future__ import annotations

import re

import pytest

from stream.config import Config, load
from stream.errors import ConfigError
from tests.unit.test_check import embedder as configured
from workers.check import verify


def loaded(**embedder: object) -> Config:
    tables = {
        "cameras": [{"id": "dock", "url": "rtsp://dock.example/1"}],
        "embedders": [{"name": "scene", "model": "efficientnet_lite0", **embedder}],
    }
    return load(None, {}, tables)


@pytest.mark.parametrize("labels", [["a person falling"], "classes", "imagenet"])
def test_labels_are_a_list_of_texts_or_a_set_by_name(labels: object) -> None:
    (embedder,) = loaded(labels=labels).embedders
    assert embedder.labels == (tuple(labels) if isinstance(labels, list) else labels)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"labels": "imagenett"}, "labels: must be a list of texts, or one of: classes, imagenet"),
        ({"labels": ["a bus", 3]}, "labels: must be a list of texts, or one of: classes, imagenet"),
        ({"labels": []}, "labels: must hold texts, none of them empty, none of them twice"),
        ({"labels": ["a bus", " a bus"]}, "labels: must hold texts, none of them empty, none of them twice"),
        ({"prompts": ["a photo"]}, "prompts: must be a list of texts, each with a {} where the text comes"),
        ({"prompts": []}, "prompts: must be a list of texts, each with a {} where the text comes"),
        ({"top_k": 0}, "top_k: must be greater than 0"),
        ({"top_k": True}, "top_k: must not be true or false"),
        ({"shadow": "maybe"}, "shadow: must be a valid boolean"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_key(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=f"^command line: embedders.scene.{re.escape(says)}") as refusal:
        loaded(**wrong)
    assert "\n" not in str(refusal.value)


def test_a_shadow_is_said_with_a_truth_value() -> None:
    assert [loaded(**said).embedders[0].shadow for said in ({}, {"shadow": True})] == [False, True]


def test_labels_for_a_model_without_words_are_refused_before_the_start() -> None:
    wordless = configured([(2, 1)], model="c3d", weights="random", labels=["a bus"])
    config = loaded().model_copy(update={"embedders": (wordless,)})
    says = 'embedders.scene: labels: model = "c3d" has neither a text tower nor trained classes'
    with pytest.raises(ConfigError, match=f"^{says}$"):
        verify(config)
