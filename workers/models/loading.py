"""From a spec to a model on its device."""

from __future__ import annotations

import torch

from stream.cards import ModelCard
from stream.errors import ModelError
from stream.record import Kind
from workers.models.download import sha256_of
from workers.models.families import Built, Outline, family_of, outline_of
from workers.models.network import Classifier, Network, precision
from workers.models.quiet import quiet
from workers.models.spec import RANDOM, Spec

SEED = 0  # of `weights = "random"`: every machine and every restart has the same untrained model


def load(spec: Spec, device: torch.device) -> Network:
    """Build, fill, move, try once. Raises ModelError."""
    outline = outline_of(spec)
    with quiet():
        built, weights, weights_identity = _filled(spec, outline)
    try:
        _move(built, outline.kind, device)
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
    file = None if spec.random else spec.file or family.fetch(spec)  # before the build: it fails sooner
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        built = family.build(spec)
    if file is None:
        return built, RANDOM, f"{RANDOM} seed={SEED}"
    family.fill(spec, built, file)
    if spec.file is None:
        return built, outline.tag, f"tag={outline.tag}"
    return built, file.name, f"sha256={sha256_of(file)}"


def _move(built: Built, kind: Kind, device: torch.device) -> None:
    """Channels last, as the pictures come."""
    built.net.eval().requires_grad_(False).to(device, precision(device))
    built.net.to(memory_format=torch.channels_last_3d if kind is Kind.CLIP else torch.channels_last)


def _dim(built: Built, outline: Outline, device: torch.device) -> int:
    """From one pass over grey: a model that cannot run here fails before anything has started."""
    frames = (outline.frames,) if outline.kind is Kind.CLIP else ()
    grey = torch.zeros((1, 3, *frames, *built.recipe.crop), dtype=precision(device), device=device)
    with torch.inference_mode():
        return int(built.forward(grey).shape[1])
