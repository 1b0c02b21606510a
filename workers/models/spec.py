"""`FAMILY:NAME/TAG` and `weights = …`, taken apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from stream.errors import ModelError, WeightsUnavailable

AUTO = "auto"
RANDOM = "random"
SHOWN = 3  # nearest names
HUB = "hf-hub:"  # before an id of the Hugging Face hub, as open_clip and timm write it


@dataclass(frozen=True, slots=True)
class Spec:
    """A model as the configuration names it."""

    model: str  # as configured: `open_clip:ViT-B-32/laion2b_s34b_b79k`
    family: str
    name: str
    tag: str  # empty if none is named
    weights: str  # `auto`, `random`, `hf-hub:ORG/NAME@REVISION` or a path
    sha256: str = ""  # that the weights must have; empty if any will do
    fit: str = ""  # `crop`, `squash` or `pad`; empty for the model's own

    @classmethod
    def parse(cls, model: str, weights: str, *, sha256: str = "", fit: str = "") -> Spec:
        family, _, rest = model.partition(":")
        name, _, tag = rest.partition("/")
        return cls(model, family, name, tag, weights, sha256, fit)

    @property
    def random(self) -> bool:
        return self.weights == RANDOM

    @property
    def file(self) -> Path | None:
        """The checkpoint that the configuration names, if it names one."""
        if self.weights in (AUTO, RANDOM) or self.hub:
            return None
        return Path(self.weights).expanduser()

    @property
    def hub(self) -> str:
        """`ORG/NAME@REVISION`, if the configuration names a repository of weights."""
        return self.weights.removeprefix(HUB) if self.weights.startswith(HUB) else ""

    def error(self, text: str) -> ModelError:
        return ModelError(self._said(text))

    def unavailable(self, text: str) -> WeightsUnavailable:
        return WeightsUnavailable(self._said(text))

    def _said(self, text: str) -> str:
        return f'model = "{self.model}": {text}'

    def among(self, what: str, wanted: str, known: Iterable[str]) -> str:
        """`wanted`, if it is one of `known`. Raises ModelError with the nearest."""
        names = list(known)
        if wanted in names:
            return wanted
        raise self.error(f'there is no {what} "{wanted}"; {nearest(wanted, names)}')


def nearest(wanted: str, known: list[str]) -> str:
    """The few of `known` that begin with or look like `wanted`, or a few of them where none does."""
    by_lower = {name.lower(): name for name in known}
    begin = [name for name in by_lower if wanted and name.startswith(wanted.lower())]
    close = begin[:SHOWN] or get_close_matches(wanted.lower(), by_lower, n=SHOWN, cutoff=0.5)
    if close:
        return "nearest: " + ", ".join(by_lower[name] for name in close)
    return "known: " + few(known)


def few(names: list[str]) -> str:
    """As many names as a line of text holds."""
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
