"""Published checkpoints that have no lasting address: the user puts them into torch.hub's cache."""

from __future__ import annotations

from pathlib import Path

import torch

from workers.models.spec import Spec


def placed(spec: Spec, name: str, source: str) -> Path:
    """Raises ModelError that says which file to put where, unless it is there."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / name
    if file.is_file():
        return file
    raise spec.unavailable(
        f"its weights are not fetched: take {name} from {source} and put it at {file}, "
        f'or say weights = "/path/to/{name}"; or weights = "random"'
    )
