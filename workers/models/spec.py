"""`FAMILY:NAME/TAG` and `weights = …`, taken apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from stream.errors import ModelError

AUTO = "auto"
RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Spec:
    """A model as the configuration names it."""

    model: str  # as configured: `open_clip:ViT-B-32/laion2b_s34b_b79k`
    family: str
    name: str
    tag: str  # empty if none is named
    weights: str  # `auto`, `random` or a path

    @classmethod
    def parse(cls, model: str, weights: str) -> Spec:
        family, _, rest = model.partition(":")
        name, _, tag = rest.partition("/")
        return cls(model, family, name, tag, weights)

    @property
    def random(self) -> bool:
        return self.weights == RANDOM

    @property
    def file(self) -> Path | None:
        """The checkpoint that the configuration names, if it names one."""
        return None if self.weights in (AUTO, RANDOM) else Path(self.weights).expanduser()

    def error(self, text: str) -> ModelError:
        return ModelError(f'model = "{self.model}": {text}')

    def among(self, what: str, wanted: str, known: Iterable[str]) -> str:
        """`wanted`, if it is one of `known`. Raises ModelError with the nearest."""
        names = list(known)
        if wanted in names:
            return wanted
        raise self.error(f'no {what} "{wanted}"; {nearest(wanted, names)}')


def nearest(wanted: str, known: list[str]) -> str:
    """The few of `known` that look most like `wanted`, or a few of them where none does."""
    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(wanted.lower(), by_lower, n=3, cutoff=0.5)
    if close:
        return "nearest: " + ", ".join(by_lower[name] for name in close)
    return "there is: " + ", ".join(known[:8]) + (", …" if len(known) > 8 else "")
