"""From a spec to a model on its device."""

from __future__ import annotations

from dataclasses import replace

import torch

from stream.cards import ModelCard
from stream.errors import ModelError
from stream.record import Kind
from workers.models import checkpoint, digest
from workers.models.download import sha256_of
from workers.models.families import Built, Outline, family_of, fetch, outline_of
from workers.models.network import Classifier, Network, TwoTowers, precision
from workers.models.quiet import quiet
from workers.models.spec import RANDOM, Spec

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}  # by the dimensions of a weight

SEED = 0  # of `weights = "random"`: every machine and every restart has the same untrained model


def load(spec: Spec, device: torch.device) -> Network:
    """Build, fill, move, try once. Raises ModelError."""
    outline = outline_of(spec)
    with quiet():
        built, weights, weights_identity = _filled(spec, outline)
    try:
        _move(built, device)
        dim = _dim(built, outline, device)
    except RuntimeError as exc:  # too large for the device's memory, say
        raise spec.error(f"cannot run on {device}: {str(exc).partition(chr(10))[0]}") from exc
    card = ModelCard(
        model=spec.model,
        weights=weights,
        kind=outline.kind,
        dim=dim,
        frames=outline.frames,
        short_side=built.recipe.short_side,
        identity=f"{weights_identity} T={outline.frames} {precision(device)} {built.recipe}",
    )
    if built.text is not None:
        return TwoTowers(card, built, device, built.text)
    if built.classifier is None or spec.random:
        return Network(card, built, device)
    return Classifier(card, built, device, built.classifier)


def device_of(name: str) -> torch.device:
    """See `workers.models.device_of`."""
    count = torch.cuda.device_count()
    if name == "auto":
        return torch.device("cuda" if count else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as exc:
        raise ModelError(f'device = "{name}": say auto, cpu or cuda:N') from exc
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ModelError(f'device = "{name}": this machine has {count} CUDA devices; say auto or cpu')
    return device


def _filled(spec: Spec, outline: Outline) -> tuple[Built, str, str]:
    """The network with its weights; these as the record names them, and as the space does."""
    family = family_of(spec)
    file = None if spec.random else spec.file or fetch(spec)  # before the build: it fails sooner
    digest.verify(spec, file)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        built = family.build(spec)
    built = replace(built, recipe=built.recipe.fitted(spec.fit))
    if spec.random:
        return built, RANDOM, f"{RANDOM} seed={SEED}"
    if file is None:
        return built, outline.tag, f"sha256={checkpoint.fingerprint(built.net)}"
    family.fill(spec, built, file)
    if spec.hub:
        return built, spec.hub, f"sha256={sha256_of(file)}"
    if spec.file is None:
        snapshot = f" {file.name}" if file.is_dir() else ""  # the commit that a branch's name stood for
        return built, outline.tag, f"tag={outline.tag}{snapshot}"
    return built, file.name, f"sha256={sha256_of(file)}"


def _move(built: Built, device: torch.device) -> None:
    """Channels last, as the pictures come; a video model may convolve frames or clips."""
    built.net.eval().requires_grad_(False).to(device, precision(device))
    for weight in built.net.parameters():
        if weight.ndim in CHANNELS_LAST:
            weight.data = weight.data.contiguous(memory_format=CHANNELS_LAST[weight.ndim])


def _dim(built: Built, outline: Outline, device: torch.device) -> int:
    """From one pass over grey: a model that cannot run here fails before anything has started."""
    frames = (outline.frames,) if outline.kind is Kind.CLIP else ()
    grey = torch.zeros((1, 3, *frames, *built.recipe.crop), dtype=precision(device), device=device)
    with torch.inference_mode():
        features = built.forward(grey)
    if features.ndim != 2:
        raise RuntimeError(f"it gives {tuple(features.shape)} for one item, not one row of numbers")
    return int(features.shape[1])
