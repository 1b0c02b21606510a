"""Checkpoints on disk: read without running what they contain, and loaded strictly."""

from __future__ import annotations

import hashlib
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from workers.models.spec import Spec

State = dict[str, Tensor]

UNREADABLE = (OSError, RuntimeError, ValueError, LookupError, EOFError, UnpicklingError, SafetensorError)
"""What the loaders raise on a file that is not what its name says."""

DETAIL = 200  # characters: torch lists every tensor that does not fit


def read(spec: Spec, file: Path) -> State:
    """Tensors by name, on the CPU; of a torch file only plain tensors. Raises ModelError."""
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        content: object = torch.load(file, map_location="cpu", weights_only=True)
    except UNREADABLE as exc:
        raise spec.error(f"{file} is neither safetensors nor a torch file of plain tensors") from exc
    return _tensors(spec, content, file)


def fill(spec: Spec, net: nn.Module, state: State, file: Path) -> None:
    """Every tensor by name and shape, none missing, none left over. Raises ModelError."""
    if difference := _difference(net.state_dict(), state):
        raise spec.error(f"{file} is not a checkpoint of it: {difference}")
    net.load_state_dict(state)


def fingerprint(net: nn.Module) -> str:
    """SHA-256 of its tensors, names and bytes: tells weights apart that come from no file of ours."""
    digest = hashlib.sha256()
    for name, tensor in net.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def in_short(error: Exception) -> str:
    """One line of what a library says of a checkpoint that it cannot take."""
    return " ".join(str(error).split())[:DETAIL]


def _tensors(spec: Spec, content: object, file: Path) -> State:
    """Training scripts wrap the tensors, and data-parallel ones put `module.` before their names."""
    if isinstance(content, dict):
        content = content.get("state_dict", content.get("model", content))
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise spec.error(f"{file} holds no tensors by name")
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}


def _difference(expected: State, found: State) -> str:
    """The first difference in words; empty if there is none."""
    if missing := [name for name in expected if name not in found]:
        return f"{missing[0]} is missing ({len(missing)} of {len(expected)} are)"
    if extra := [name for name in found if name not in expected]:
        return f"{extra[0]} has no place in it ({len(extra)} have none)"
    for name, tensor in expected.items():
        if tensor.shape != found[name].shape:
            return f"{name} is {tuple(found[name].shape)}, should be {tuple(tensor.shape)}"
    return ""
