"""What the rest of the program must know of a model, without loading it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from stream.record import Kind


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A loaded model's own account of itself."""

    model: str  # as configured
    weights: str  # the tag or file name that was loaded; `random` if untrained
    kind: Kind
    dim: int  # of its vectors
    frames: int  # T pictures per item: 1 for an image model
    short_side: int  # pixels: pictures need not be larger than this on their shorter side
    identity: str  # names weights, preprocessing and precision; part of the space


def space_id(card: ModelCard, pooling: str) -> str:
    """12 hex digits; equal exactly when model, weights, preprocessing and pooling with its parameter are."""
    parts = (card.model, card.identity, pooling if card.kind is Kind.FRAMES else "")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
