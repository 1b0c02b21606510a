"""Which models there are, and what can be said of each without building it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from huggingface_hub import constants

from stream.errors import ModelError, WeightsUnavailable
from workers.models import line
from workers.models.families import Outline, families, family_of, fetch, outline_of
from workers.models.spec import AUTO, RANDOM, Spec, nearest

_FIRST = {  # of the families with hundreds: those that most people look for
    "open_clip": (
        *("ViT-B-32/openai", "ViT-B-32/laion2b_s34b_b79k", "ViT-L-14/openai", "RN50/openai"),
        *("convnext_base_w/laion2b_s13b_b82k", "ViT-B-16-SigLIP/webli", "ViT-B-16-SigLIP2/webli"),
        *("MobileCLIP2-S0/dfndr2b", "EVA02-B-16/merged2b_s8b_b131k", "PE-Core-B-16/meta"),
        "coca_ViT-B-32/laion2b_s13b_b90k",
    ),
    "timm": (
        *("resnet50/a1_in1k", "vgg16/tv_in1k", "vit_base_patch16_224/augreg2_in21k_ft_in1k"),
        *("convnext_base/fb_in22k_ft_in1k", "efficientnet_b0/ra_in1k", "tf_efficientnet_lite0/in1k"),
        *("vit_small_patch14_dinov2/lvd142m", "vit_small_patch16_dinov3/lvd1689m"),
        "mobilenetv3_large_100/ra_in1k",
    ),
}


class Weights(StrEnum):
    """Where a model's weights are."""

    PACKAGED = "packaged"  # in a package that is installed
    CACHED = "cached"
    AWAY = "to download"
    NONE = "none published"


@dataclass(frozen=True, slots=True)
class Entry:
    model: str  # as the configuration names it
    outline: Outline | None  # None of a model of the user's own that fails
    weights: Weights


@dataclass(frozen=True, slots=True)
class Listing:
    """A family's models that were asked for."""

    family: str
    entries: Sequence[Entry]
    more: int = 0  # that are not told: there are too many


def catalogue(wanted: Sequence[str], family: str | None, *, whole: bool) -> list[Listing]:
    """Those whose names contain, or as a pattern match, one of `wanted`; all if nothing is.

    Of a large family only a few, unless it is asked for or `whole`. Raises ModelError where there is none.
    """
    within = families()
    if family is not None:
        within = [Spec.parse(family, AUTO).among("family", family, within)]
    whole = whole or bool(wanted) or family is not None
    listings = [_listing(each, wanted, whole=whole) for each in within]
    if not any(listing.entries for listing in listings):
        known = [model for each in within for model in _models(each)]
        raise ModelError(f"no model has {' or '.join(wanted)} in its name; {nearest(wanted[0], known)}")
    return [listing for listing in listings if listing.entries]


def place_of(spec: Spec) -> tuple[Weights, Path | None]:
    """Where its weights are, of themselves; the network is not used."""
    with line.closed():
        try:
            outline_of(spec)
            place = fetch(spec)
        except WeightsUnavailable:
            return Weights.AWAY, None
        except ModelError:
            return Weights.NONE, None
    return (Weights.CACHED if place and _in_a_cache(place) else Weights.PACKAGED), place


def _listing(family: str, wanted: Sequence[str], *, whole: bool) -> Listing:
    models = [model for model in _models(family) if not wanted or _matches(model, wanted)]
    first = [f"{family}:{name}" for name in _FIRST.get(family, ())]
    told = models if whole or not first else [model for model in first if model in models]
    return Listing(family, [_entry(model) for model in told], more=len(models) - len(told))


def _models(family: str) -> Iterator[str]:
    for name in family_of(Spec.parse(family, AUTO)).names():
        yield f"{family}:{name}" if name else family


def _matches(model: str, wanted: Sequence[str]) -> bool:
    return any(fnmatchcase(model.lower(), f"*{each.lower()}*") for each in wanted)


def _entry(model: str) -> Entry:
    try:
        outline = outline_of(Spec.parse(model, RANDOM))
    except ModelError:
        return Entry(model, None, Weights.NONE)
    return Entry(model, outline, place_of(Spec.parse(model, AUTO))[0])


def _in_a_cache(place: Path) -> bool:
    return any(place.is_relative_to(cache) for cache in (constants.HF_HUB_CACHE, torch.hub.get_dir()))
