"""How often `motion` is right, and what it takes for what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from workers.models.motion.data import synthesise
from workers.models.motion.network import CLASSES, MotionNet, preprocess
from workers.models.motion.pictures import Pool

_BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """How many clips of each class (rows) were given each name (columns)."""

    counts: npt.NDArray[np.int64]  # (C, C)

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def recall(self) -> dict[str, float]:
        shares = np.diag(self.counts) / self.counts.sum(axis=1)
        return dict(zip(CLASSES, shares.tolist(), strict=True))

    def __str__(self) -> str:
        """Rows are the truth, columns the answer, both in the order of CLASSES."""
        width = max(len(name) for name in CLASSES)
        head = " " * width + "".join(f"{index:4d}" for index in range(len(CLASSES)))
        rows = [
            f"{name:>{width}}" + "".join(f"{count:4d}" if count else "   ." for count in row)
            for name, row in zip(CLASSES, self.counts, strict=True)
        ]
        return "\n".join([head, *rows])


def confusion(net: MotionNet, pool: Pool, per_class: int, rng: np.random.Generator) -> Confusion:
    """Of `per_class` freshly made clips of each class, through the same `preprocess` that cameras take."""
    labels = np.tile(np.arange(len(CLASSES)), per_class)
    counts = np.zeros((len(CLASSES), len(CLASSES)), dtype=np.int64)
    for start in range(0, len(labels), _BATCH):
        batch = labels[start : start + _BATCH]
        clips = synthesise(pool, batch, rng).unsqueeze(-1).expand(-1, -1, -1, -1, 3)
        with torch.inference_mode():
            answers = net(preprocess(clips)).argmax(dim=1).numpy()
        np.add.at(counts, (batch, answers), 1)
    return Confusion(counts)
