"""Models behind one door: `load("open_clip:ViT-B-32/laion2b_s34b_b79k", "auto", "cpu").embed(clips)`.

A family is a module with `outline`, `fetch`, `build` and `fill` (see `families.py`); a new model is a row in
its family's table, or nothing. Importing this package does not import torch: `--help` must not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from stream.cards import ModelCard
from stream.config import EmbedderConfig
from stream.frames import Pixels, Vectors
from workers.models.families import Outline, outline_of
from workers.models.spec import Spec

if TYPE_CHECKING:
    import torch

__all__ = ["AS_IT_IS", "Labelled", "Model", "Outline", "Texted", "check", "device_of", "load", "load_for"]


AS_IT_IS = ("{}",)
"""Prompts that ask for a text by nothing but itself."""


class Model(Protocol):
    """A loaded model on its device."""

    card: ModelCard

    def embed(self, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        """(N, D) float32 unit rows, in order; each item has `card.frames` pictures, of any sizes.

        Raises EmbedError. Device thread only.
        """


@runtime_checkable
class Labelled(Protocol):
    """A model that was trained as a classifier: a closed vocabulary in the space of its vectors."""

    classes: tuple[str, ...]  # C names
    class_vectors: Vectors  # (C, D) unit rows: the classifier's weights, without its bias


@runtime_checkable
class Texted(Protocol):
    """A model that can compare words with its vectors: one with a text tower, or a trained classifier."""

    def embed_text(self, texts: Sequence[str], prompts: Sequence[str] = AS_IT_IS) -> Vectors:
        """(N, D) float32 unit rows, in order, in the space of `embed`.

        A text tower takes any text: the mean over `prompts` with the text in place of their `{}`, each a unit
        vector first (Radford et al. 2021, arXiv:2103.00020, 3.1.4). A classifier takes its classes' names,
        without prompts. Raises ModelError for another word, EmbedError. Device thread only.
        """


def check(model: str, weights: str = "auto") -> Outline:
    """What can be known before anything is built or downloaded. Raises ModelError with the nearest names."""
    return outline_of(Spec.parse(model, weights))


def load(model: str, weights: str, device: str, *, sha256: str = "", fit: str = "") -> Model:
    """Build, fill and move to `device`. Seconds to minutes. Raises ModelError."""
    from workers.models import loading  # noqa: PLC0415 - torch takes two seconds to import

    return loading.load(Spec.parse(model, weights, sha256=sha256, fit=fit), device_of(device))


def load_for(config: EmbedderConfig, device: str) -> Model:
    return load(config.model, config.weights, device, sha256=config.sha256 or "", fit=config.fit or "")


def device_of(name: str) -> torch.device:
    """`auto` (CUDA where there is one, else the CPU), `cpu` or `cuda:N`. Raises ModelError."""
    from workers.models import loading  # noqa: PLC0415 - as above

    return loading.device_of(name)
