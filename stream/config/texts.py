"""Texts that an embedder's windows are compared with."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

LABEL_SETS = ("classes", "imagenet")
"""Instead of a list: the classes that the model was trained on; the 1000 of ImageNet."""


def _labels(value: object) -> object:
    """Before pydantic looks: of what may be a text or a list it would complain twice."""
    if value is None or value in LABEL_SETS:
        return value
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"must be a list of texts, or one of: {', '.join(LABEL_SETS)}")
    texts = tuple(text.strip() for text in value)
    if not texts or "" in texts or len(set(texts)) < len(texts):
        raise ValueError("must hold texts, none of them empty, none of them twice")
    return texts


def _prompts(prompts: tuple[str, ...]) -> tuple[str, ...]:
    if not prompts or not all("{}" in prompt for prompt in prompts):
        raise ValueError("must be a list of texts, each with a {} where the text comes that is asked for")
    return prompts


LabelTexts = Annotated[str | tuple[str, ...] | None, BeforeValidator(_labels)]
Prompts = Annotated[tuple[str, ...], AfterValidator(_prompts)]
