"""Any image tower of open_clip: `open_clip:ViT-B-32/laion2b_s34b_b79k`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import open_clip
from open_clip.factory import load_checkpoint
from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model
from open_clip.transform import PreprocessCfg
from torch import Tensor

from stream.record import Kind
from workers.models import checkpoint, download
from workers.models.families import Built, Outline
from workers.models.preprocess import Fit, Recipe
from workers.models.quiet import quiet
from workers.models.spec import AUTO, Spec, few

_FITS = {"shortest": Fit.SHORTER, "longest": Fit.CONTAIN, "squash": Fit.SQUASH}
_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")  # it would also load numpy's and TorchScript's
_TOKENIZERS = ("tokenizer_config.json", "tokenizer.json")  # one of them is in every repository of a tokenizer
_PUT = "put it into the hub's cache, or "


def names() -> Iterator[str]:
    for name in open_clip.list_models():
        tags = list_pretrained_tags_by_model(name)
        yield from (f"{name}/{tag}" for tag in tags) if tags else (name,)


def outline(spec: Spec) -> Outline:
    spec.among("open_clip model", spec.name, open_clip.list_models())
    tags = list_pretrained_tags_by_model(spec.name)
    if spec.tag:
        spec.among(f"tag of {spec.name}", spec.tag, tags)
    elif spec.weights == AUTO:
        raise spec.error(f"which weights? name a tag, as in open_clip:{spec.name}/TAG: {few(tags)}")
    dim = open_clip.get_model_config(spec.name)["embed_dim"]
    return Outline(Kind.FRAMES, frames=1, tag=spec.tag, dim=dim, text=True)


def fetch(spec: Spec) -> Path:
    tag = get_pretrained_cfg(spec.name, spec.tag)
    if not tag.get("hf_hub"):
        return download.from_url(spec, tag["url"])
    repo, _, name = tag["hf_hub"].rpartition("/")
    return download.from_hub(spec, repo, _safe_first(name or "open_clip_pytorch_model.bin"))


def build(spec: Spec) -> Built:
    tag = get_pretrained_cfg(spec.name, spec.tag)
    if text_model := open_clip.get_model_config(spec.name)["text_cfg"].get("hf_model_name"):
        download.from_hub(spec, text_model, ["config.json"], put=_PUT)
    try:
        net: Any = open_clip.create_model(
            spec.name,
            load_weights=False,
            pretrained_text=False,
            force_quick_gelu=tag.get("quick_gelu", False),
            force_preprocess_cfg={key: value for key, value in tag.items() if key != "size"},
        )
    except (ImportError, OSError, RuntimeError) as exc:  # a tower from another package, or from a hub
        raise spec.error(f"open_clip cannot build it here: {exc}".partition("\n")[0]) from exc
    recipe = _recipe(PreprocessCfg(**net.visual.preprocess_cfg))
    return Built(net, recipe, forward=net.encode_image, text=_text_tower(spec, net))


def _text_tower(spec: Spec, net: Any) -> Callable[[Sequence[str]], Tensor]:  # noqa: ANN401 - its models share no type
    """Its tokenizer is looked for when the first text comes: pictures do not need what only a hub has."""

    @cache
    def tokenizer() -> Any:  # noqa: ANN401 - nor do its tokenizers
        if repo := open_clip.get_model_config(spec.name)["text_cfg"].get("hf_tokenizer_name"):
            download.from_hub(spec, repo, _TOKENIZERS, put=_PUT)
        try:
            with quiet():
                return open_clip.get_tokenizer(spec.name)
        except (ImportError, OSError, ValueError) as exc:
            raise spec.error(f"no tokenizer for its text tower: {exc}".partition("\n")[0]) from exc

    def embed(texts: Sequence[str]) -> Tensor:
        tokens = tokenizer()(list(texts))
        features: Tensor = net.encode_text(tokens.to(next(net.parameters()).device))
        return features

    return embed


def fill(spec: Spec, built: Built, file: Path) -> None:
    """By open_clip's own loader, which knows the layouts of its models' authors."""
    if file.suffix not in _SUFFIXES:
        raise spec.error(f"{file} is none of {', '.join(_SUFFIXES)}")
    try:
        load_checkpoint(built.net, str(file), strict=True, weights_only=True)
    except checkpoint.UNREADABLE as exc:
        raise spec.error(f"{file} is not a checkpoint of it: {checkpoint.in_short(exc)}") from exc


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
