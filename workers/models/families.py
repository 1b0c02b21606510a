"""What a family of models brings, and which there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from stream.record import Kind
from workers.models.spec import Spec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from workers.models.preprocess import Recipe

_MODULES = {
    "open_clip": "workers.models.open_clip",
    "torchvision": "workers.models.torchvision",
    "efficientnet_lite0": "workers.models.efficientnet_lite0",
}


@dataclass(frozen=True, slots=True)
class Outline:
    """What can be known of a model before it is built."""

    kind: Kind
    frames: int  # T pictures per item: 1 for an image model
    tag: str  # of the weights that `auto` stands for


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A network before its weights are loaded."""

    net: nn.Module
    recipe: Recipe
    forward: Callable[[Tensor], Tensor]  # (N, 3, H, W), or (N, 3, T, H, W) for clips, to (N, D)
    classifier: nn.Module | None = None  # which `forward` stops before, if there is one; linear
    classes: Sequence[str] = ()  # of the classifier's rows


class Family(Protocol):
    """A module. Each function raises ModelError; `build` and `fill` only after `outline` did not."""

    def outline(self, spec: Spec) -> Outline:
        """Checks name and tag against what the library lists."""

    def fetch(self, spec: Spec) -> Path:
        """The checkpoint of the tag: from a cache, a package or the network."""

    def build(self, spec: Spec) -> Built:
        """The architecture with the library's own initialisation, under the caller's seed."""

    def fill(self, spec: Spec, built: Built, file: Path) -> None:
        """Loads a checkpoint, strictly."""


def family_of(spec: Spec) -> Family:
    module = _MODULES[spec.among("family", spec.family, _MODULES)]
    return cast(Family, import_module(module))


def outline_of(spec: Spec) -> Outline:
    outline = family_of(spec).outline(spec)
    if spec.file is not None and not spec.file.is_file():
        raise spec.error(f'weights = "{spec.weights}": there is no such file')
    return outline
