"""`motion`: what the picture does (pan, zoom, shake, cut ...), trained, in this package: needs no hub."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from stream.record import Kind
from workers.models import checkpoint
from workers.models.download import sha256_of
from workers.models.families import Built, Outline
from workers.models.motion.network import CLASSES, DIM, FRAMES, SIZE, WEIGHTS, MotionNet, preprocess
from workers.models.preprocess import Fit, Recipe
from workers.models.spec import Spec

RECIPE = Recipe(
    resize=SIZE,
    crop=SIZE,
    mean=(0, 0, 0),
    std=(1 / 255,) * 3,  # grey levels: `standardise` looks at the whole clip
    fit=Fit.SQUASH,
    interpolation="bilinear",
)


def names() -> tuple[str, ...]:
    return ("",)


def outline(spec: Spec) -> Outline:
    if spec.name:
        raise spec.error(f'there is only one: say "{spec.family}"')
    tag = f"motion-{sha256_of(WEIGHTS)[:8]}"  # it is trained anew now and then, under one file name
    return Outline(Kind.CLIP, FRAMES, tag, DIM, text=True)


def fetch(_: Spec) -> Path:
    return WEIGHTS


def build(_: Spec) -> Built:
    net = MotionNet()

    def features(clips: Tensor) -> Tensor:
        return net.features(preprocess(clips.movedim(1, -1)).to(clips.dtype))

    return Built(net, RECIPE, features, net.head, CLASSES)


def fill(spec: Spec, built: Built, file: Path) -> None:
    checkpoint.fill(spec, built.net, checkpoint.read(spec, file), file)
