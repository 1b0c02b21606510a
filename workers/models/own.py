"""A model of the user's own: `python:package.module:Factory`, or a package's entry point in `livevec.models`.

The factory, most simply a class, takes no arguments and gives a `torch.nn.Module` that turns prepared
pictures, (N, 3, H, W), into (N, D) features. Its `recipe` says how pictures are prepared, its `frames` how
many an item has: with more than 1 it is a clip model and is given (N, 3, T, H, W).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from stream.record import Kind
from workers.models import checkpoint
from workers.models.families import OWN_GROUP, Built, Outline
from workers.models.preprocess import Recipe
from workers.models.spec import Spec

Factory = Callable[[], Any]  # somebody else's code: what it gives is looked at

_TAG = "own"  # of weights that the factory brings


def names() -> tuple[str, ...]:
    """An entry point's own name says it all."""
    return ("",)


def outline(spec: Spec) -> Outline:
    frames = getattr(_factory(spec), "frames", 1)
    if not isinstance(frames, int) or frames < 1:
        raise spec.error(f"its frames is {frames!r}, not a whole number from 1 on")
    return Outline(Kind.FRAMES if frames == 1 else Kind.CLIP, frames, _TAG)


def fetch(_: Spec) -> None:
    """Nothing: the factory brings its weights."""


def build(spec: Spec) -> Built:
    factory = _factory(spec)
    try:
        net = factory()
    except Exception as exc:
        raise spec.error(f"its factory failed: {_told(exc)}") from exc
    recipe = getattr(net, "recipe", getattr(factory, "recipe", None))
    if not isinstance(net, nn.Module) or not isinstance(recipe, Recipe):
        raise spec.error(f"its factory gives a {type(net).__name__}, not a torch.nn.Module with a recipe")
    return Built(net, recipe, _guarded(net))


def fill(spec: Spec, built: Built, file: Path) -> None:
    checkpoint.fill(spec, built.net, checkpoint.read(spec, file), file)


def _guarded(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """What goes wrong in it fails a batch, as torch's own errors do, and not the program."""

    def forward(pictures: Tensor) -> Tensor:
        try:
            features = net(pictures)
        except Exception as exc:
            raise RuntimeError(_told(exc)) from exc
        if not isinstance(features, Tensor) or features.ndim != 2 or len(features) != len(pictures):
            gave = getattr(features, "shape", type(features).__name__)
            raise RuntimeError(
                f"for {len(pictures)} items it gives {gave}, not a tensor ({len(pictures)}, D)"
            )
        return features

    return forward


def _factory(spec: Spec) -> Factory:
    module, colon, name = _place(spec).partition(":")
    if not (module and colon and name):
        raise spec.error("say python:package.module:factory")
    known = vars(_imported(spec, module))
    factory: Factory = known[spec.among(f"name in {module}", name, known)]
    if not callable(factory):
        raise spec.error(f"{name} is a {type(factory).__name__}, not a factory")
    return factory


def _place(spec: Spec) -> str:
    """`package.module:factory`, which an entry point may stand for."""
    if spec.family == "python":
        return spec.model.partition(":")[2]
    entry, *_ = entry_points(group=OWN_GROUP, name=spec.family)
    return f"{entry.module}:{entry.attr}"


def _imported(spec: Spec, module: str) -> object:
    """Also from the current folder, where a console script does not look; there last, so it hides nothing."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return import_module(module)
    except Exception as exc:
        raise spec.error(f"cannot import {module}: {_told(exc)}") from exc


def _told(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}".partition("\n")[0]
