"""Any image tower of open_clip: `open_clip:ViT-B-32/laion2b_s34b_b79k`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import open_clip
from open_clip.factory import load_checkpoint
from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model
from open_clip.transform import PreprocessCfg

from stream.record import Kind
from workers.models import download
from workers.models.checkpoint import UNREADABLE
from workers.models.families import Built, Outline
from workers.models.preprocess import Fit, Recipe
from workers.models.spec import AUTO, Spec

_FITS = {"shortest": Fit.SHORTER, "longest": Fit.CONTAIN, "squash": Fit.SQUASH}
_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")  # it would also load numpy's and TorchScript's


def outline(spec: Spec) -> Outline:
    spec.among("open_clip model", spec.name, open_clip.list_models())
    tags = list_pretrained_tags_by_model(spec.name)
    if spec.tag:
        spec.among(f"tag of {spec.name}", spec.tag, tags)
    elif spec.weights == AUTO:
        raise spec.error(f"which weights? name a tag, as in open_clip:{spec.name}/TAG: {', '.join(tags)}")
    return Outline(Kind.FRAMES, frames=1, tag=spec.tag)


def fetch(spec: Spec) -> Path:
    tag = get_pretrained_cfg(spec.name, spec.tag)
    if not tag.get("hf_hub"):
        return download.from_url(spec, tag["url"])
    repo, _, name = tag["hf_hub"].rpartition("/")
    return download.from_hub(spec, repo, _safe_first(name or "open_clip_pytorch_model.bin"))


def build(spec: Spec) -> Built:
    tag = get_pretrained_cfg(spec.name, spec.tag)
    net = open_clip.create_model(
        spec.name,
        pretrained_text=False,
        load_weights=False,
        force_quick_gelu=tag.get("quick_gelu", False),
        force_preprocess_cfg={key: value for key, value in tag.items() if key != "size"},
    )
    return Built(net, _recipe(PreprocessCfg(**net.visual.preprocess_cfg)), forward=net.encode_image)


def fill(spec: Spec, built: Built, file: Path) -> None:
    """By open_clip's own loader, which knows the layouts of its models' authors."""
    if file.suffix not in _SUFFIXES:
        raise spec.error(f"{file} is none of {', '.join(_SUFFIXES)}")
    try:
        load_checkpoint(built.net, str(file), strict=True, weights_only=True)
    except UNREADABLE as exc:
        raise spec.error(f"{file} is not a checkpoint of it") from exc


def _recipe(wants: PreprocessCfg) -> Recipe:
    size: Any = wants.size
    height, width = (size, size) if isinstance(size, int) else size
    fit = _FITS[wants.resize_mode]
    return Recipe(
        resize=(height, width),
        crop=(height, width),
        mean=wants.mean,
        std=wants.std,
        fit=Fit.COVER if fit is Fit.SHORTER and height != width else fit,
        interpolation="bilinear" if wants.interpolation == "bilinear" else "bicubic",
        fill=(wants.fill_color,) * 3,
    )


def _safe_first(name: str) -> list[str]:
    """A repository's checkpoint as safetensors, if it has one, else as a torch file."""
    safe = {"open_clip_pytorch_model.bin": "open_clip_model.safetensors"}
    return [safe.get(name, str(Path(name).with_suffix(".safetensors"))), name]
