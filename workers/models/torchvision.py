"""Video models of torchvision, embedded just before their classifier: `torchvision:r3d_18/KINETICS400_V1`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from torchvision.models import WeightsEnum, get_model, get_model_weights

from stream.record import Kind
from workers.models import checkpoint, download
from workers.models.families import Built, Outline
from workers.models.preprocess import Fit, Recipe
from workers.models.spec import Spec


@dataclass(frozen=True, slots=True)
class _Row:
    head: str  # the attribute that holds the classifier
    frames: int  # per clip, as its accuracy is stated for
    dim: int  # of what the classifier is given


_MODELS = {
    "r3d_18": _Row(head="fc", frames=16, dim=512),
    "mc3_18": _Row(head="fc", frames=16, dim=512),
    "r2plus1d_18": _Row(head="fc", frames=16, dim=512),
    "s3d": _Row(head="classifier", frames=16, dim=1024),  # stated for 128; takes any from 14
    "mvit_v1_b": _Row(head="head", frames=16, dim=768),
    "mvit_v2_s": _Row(head="head", frames=16, dim=768),
    "swin3d_t": _Row(head="head", frames=32, dim=768),
    "swin3d_s": _Row(head="head", frames=32, dim=768),
    "swin3d_b": _Row(head="head", frames=32, dim=1024),
}


def names() -> Iterator[str]:
    for name in _MODELS:
        yield from (
            f"{name}/{weights.name}" for weights in get_model_weights(name)
        )  # DEFAULT is another name


def outline(spec: Spec) -> Outline:
    row = _MODELS[spec.among("torchvision video model", spec.name, _MODELS)]
    return Outline(Kind.CLIP, row.frames, _weights(spec).name, row.dim, text=True)


def fetch(spec: Spec) -> Path:
    url = _weights(spec).url
    return download.from_url(spec, url, sha256_prefix=url.rpartition("-")[2].removesuffix(".pth"))


def build(spec: Spec) -> Built:
    weights = _weights(spec)
    classes = tuple(weights.meta["categories"])
    net = get_model(spec.name, weights=None, num_classes=len(classes))
    head = getattr(net, _MODELS[spec.name].head)
    head.forward = _unchanged  # its weights stay where a checkpoint has them
    return Built(net, _recipe(weights), net, head, classes)


def _unchanged(features: Tensor) -> Tensor:
    return features


def fill(spec: Spec, built: Built, file: Path) -> None:
    checkpoint.fill(spec, built.net, checkpoint.read(spec, file), file)


def _weights(spec: Spec) -> WeightsEnum:
    known = get_model_weights(spec.name)
    tags = list(known.__members__)
    return known[spec.among(f"tag of {spec.name}", spec.tag, tags)] if spec.tag else known["DEFAULT"]


def _recipe(weights: WeightsEnum) -> Recipe:
    """Of the weights' own transform, torchvision's VideoClassification preset."""
    preset = weights.transforms()
    squash = len(preset.resize_size) == 2
    return Recipe(
        resize=tuple(preset.resize_size) if squash else tuple(preset.resize_size) * 2,
        crop=tuple(preset.crop_size),
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        fit=Fit.SQUASH if squash else Fit.SHORTER,
        interpolation=preset.interpolation.value,
        antialias=False,  # the preset's choice: its models were trained before torchvision's default changed
    )
