"""Any image model of timm, embedded before its classifier: `timm:resnet50/a1_in1k`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import timm
from timm.data.config import resolve_model_data_config
from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset
from timm.models import get_arch_pretrained_cfgs
from torch import nn

from stream.record import Kind
from workers.models import checkpoint, download
from workers.models.families import Built, Outline
from workers.models.preprocess import Fit, Recipe
from workers.models.spec import AUTO, Spec

_FITS = {"center": Fit.SHORTER, "squash": Fit.SQUASH, "border": Fit.CONTAIN}


def names() -> Iterator[str]:
    for name in _architectures():
        tags = _published(name)
        yield from (f"{name}/{tag}" if tag else name for tag in tags or ("",))


def outline(spec: Spec) -> Outline:
    """Without a tag: timm's default, the first that it lists."""
    spec.among("timm model", spec.name, _architectures())
    published = _published(spec.name)
    if spec.tag:
        spec.among(f"tag of {spec.name}", spec.tag, published)
    elif spec.weights == AUTO and not published:
        raise spec.error('no weights of it are published: say weights = "/path/to/them" or "random"')
    tag = spec.tag or next(iter(published), "")
    text = not tag or infer_imagenet_subset(_tags(spec.name)[tag].to_dict()) is not None
    return Outline(Kind.FRAMES, frames=1, tag=tag, text=text)


def fetch(spec: Spec) -> Path:
    config = _tags(spec.name)[outline(spec).tag]
    if not config.hf_hub_id:
        return download.from_url(spec, config.url)
    return download.from_hub(spec, config.hf_hub_id, ("model.safetensors", "pytorch_model.bin"))


def build(spec: Spec) -> Built:
    net: Any = timm.create_model(_name(spec))
    if not hasattr(net, "get_classifier"):
        raise spec.error("it is an encoder that gives tokens or maps, not one vector for a picture")
    classifier, classes = _head(net)
    return Built(
        net,
        _recipe(net),
        forward=lambda pictures: net.forward_head(net.forward_features(pictures), pre_logits=True),
        classifier=classifier,
        classes=classes,
    )


def fill(spec: Spec, built: Built, file: Path) -> None:
    """By timm's own loader, which knows the layouts of its models' authors."""
    state = checkpoint.read(spec, file)
    overlay = {"state_dict": state, "custom_load": False}
    try:
        filled: Any = timm.create_model(_name(spec), pretrained=True, pretrained_cfg_overlay=overlay)
    except (*checkpoint.UNREADABLE, TypeError, AttributeError) as exc:
        raise spec.error(f"{file} is not a checkpoint of it: {checkpoint.in_short(exc)}") from exc
    built.net.load_state_dict(filled.state_dict())


@cache
def _architectures() -> list[str]:
    architectures: list[str] = timm.list_models()
    return architectures


def _published(name: str) -> list[str]:
    return [tag for tag, config in _tags(name).items() if config.hf_hub_id or config.url]


@cache
def _tags(name: str) -> dict[str, Any]:
    """timm's configuration of each published set of weights, the default first."""
    return {full.partition(".")[2]: config for full, config in get_arch_pretrained_cfgs(name).items()}


def _name(spec: Spec) -> str:
    tag = outline(spec).tag
    return f"{spec.name}.{tag}" if tag else spec.name


def _recipe(net: nn.Module) -> Recipe:
    """Of its data configuration, as timm's `create_transform` reads it."""
    resolve: Any = resolve_model_data_config  # it ships no types
    wants = resolve(net)
    height, width = wants["input_size"][1:]
    resize = math.floor(height / wants["crop_pct"]), math.floor(width / wants["crop_pct"])
    fit = _FITS[wants["crop_mode"]]
    return Recipe(
        resize=resize,
        crop=(height, width),
        mean=wants["mean"],
        std=wants["std"],
        fit=Fit.COVER if fit is Fit.SHORTER and height != width else fit,
        interpolation=wants["interpolation"],
        fill=tuple(round(255 * mean) for mean in wants["mean"]) if fit is Fit.CONTAIN else (0, 0, 0),
    )


def _head(net: Any) -> tuple[nn.Module | None, Sequence[str]]:  # noqa: ANN401 - timm's models share no type
    """The classifier, where it is one layer over classes that timm has names for, and those."""
    classifier, dataset = net.get_classifier(), infer_imagenet_subset(net)
    if dataset is None or not isinstance(classifier, nn.Linear | nn.Conv2d):
        return None, ()
    return classifier, [str(name) for name in ImageNetInfo(dataset).label_descriptions()]
