"""What a family of models brings, and which there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
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
    "timm": "workers.models.timm",
    "efficientnet_lite0": "workers.models.efficientnet_lite0",
    "hf": "workers.models.hf",
    "c3d": "workers.models.c3d",
    "i3d": "workers.models.i3d",
    "motion": "workers.models.motion.family",
    "python": "workers.models.own",
}

_ON_HUB = {  # where `weights` may be a repository of the hub: its files, the first that is there
    "open_clip": ("open_clip_model.safetensors", "open_clip_pytorch_model.bin"),
    "timm": ("model.safetensors", "pytorch_model.bin"),
}

OWN_GROUP = "livevec.models"  # entry points of other packages: each adds a family of its name


@dataclass(frozen=True, slots=True)
class Outline:
    """What can be known of a model before it is built."""

    kind: Kind
    frames: int  # T pictures per item: 1 for an image model
    tag: str  # of the weights that `auto` stands for
    dim: int | None = None  # of its vectors, where that is known
    text: bool = False  # whether words can be compared with them


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A network before its weights are loaded."""

    net: nn.Module
    recipe: Recipe
    forward: Callable[[Tensor], Tensor]  # (N, 3, H, W), or (N, 3, T, H, W) for clips, to (N, D)
    classifier: nn.Module | None = None  # which `forward` stops before, if there is one; linear
    classes: Sequence[str] = ()  # of the classifier's rows
    text: Callable[[Sequence[str]], Tensor] | None = None  # (N, D), of a text tower in the same space


class Family(Protocol):
    """A module. Each function raises ModelError; `build` and `fill` only after `outline` did not."""

    def names(self) -> Iterable[str]:
        """What may stand after `FAMILY:`, as far as that can be listed; empty for a family of one."""

    def outline(self, spec: Spec) -> Outline:
        """Checks name and tag against what the library lists."""

    def fetch(self, spec: Spec) -> Path | None:
        """The checkpoint of the tag: from a cache, a package or the network. None if `build` brings it."""

    def build(self, spec: Spec) -> Built:
        """The architecture with the library's own initialisation, under the caller's seed."""

    def fill(self, spec: Spec, built: Built, file: Path) -> None:
        """Loads a checkpoint, strictly."""


def family_of(spec: Spec) -> Family:
    known = _MODULES if spec.family in _MODULES else _MODULES | _own()
    return cast(Family, import_module(known[spec.among("family", spec.family, known)]))


def families() -> list[str]:
    """Those with models to list, which `python:` has not."""
    return [name for name in _MODULES | _own() if name != "python"]


def _own() -> dict[str, str]:
    return dict.fromkeys(entry_points(group=OWN_GROUP).names, _MODULES["python"])


def fetch(spec: Spec) -> Path | None:
    """The configured checkpoint, or the published one, once it is on this machine. Raises ModelError."""
    if not spec.hub:
        return spec.file or family_of(spec).fetch(spec)
    from workers.models import download  # noqa: PLC0415 - imports torch

    repo, _, revision = spec.hub.partition("@")
    return download.from_hub(spec, repo, _ON_HUB[spec.family], revision or download.MAIN)


def outline_of(spec: Spec) -> Outline:
    outline = family_of(spec).outline(spec)
    if spec.hub and spec.family not in _ON_HUB:
        raise spec.error(f'weights = "{spec.weights}": only for {" and ".join(_ON_HUB)}')
    if spec.file is not None and not spec.file.exists():
        raise spec.error(f'weights = "{spec.weights}": there is no such file or folder')
    return outline
