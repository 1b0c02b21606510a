"""SHA-256 of weights: as the hub's pages and `livevec models pull` show it, and as it is configured."""

from __future__ import annotations

import hashlib
from pathlib import Path

from workers.models.download import sha256_of
from workers.models.spec import Spec

_LAYOUTS = ("*.safetensors", "*.bin")  # of a checkpoint's folder, in the order in which they are looked for


def weights_of(place: Path) -> list[Path]:
    """The files that hold the tensors: the checkpoint, or those of its folder, sorted by name."""
    if not place.is_dir():
        return [place]
    return next(filter(None, (sorted(place.glob(layout)) for layout in _LAYOUTS)), [])


def digest_of(place: Path) -> str:
    """Of the one file; of several, of the lines that `sha256sum` prints for them."""
    files = weights_of(place)
    if len(files) == 1:
        return sha256_of(files[0])
    lines = (f"{sha256_of(file)}  {file.name}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def verify(spec: Spec, place: Path | None) -> None:
    """Before anything of it is loaded. Raises ModelError for another content than the configured."""
    if not spec.sha256:
        return
    if place is None:
        raise spec.error("sha256 is configured, but its weights come from code, not from a file")
    if (found := digest_of(place)) != spec.sha256:
        raise spec.error(f"{place} is not what it should be: sha256 expected {spec.sha256}, found {found}")
