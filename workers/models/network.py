"""A torch network as a Model: preprocess, forward, check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from stream.cards import ModelCard
from stream.errors import EmbedError
from stream.frames import Pixels, Vectors
from stream.record import Kind
from workers.models import AS_IT_IS
from workers.models.families import Built
from workers.models.preprocess import normalise, prepare
from workers.models.vocabulary import Vocabulary

UNIT_TOLERANCE = 1e-4  # rounding to float32 stays a hundred times below
TEXTS_AT_ONCE = 64  # through a text tower: a thousand at once would take its memory from the pictures


class Network:
    """A model on its device. Device thread only, but for its card."""

    def __init__(self, card: ModelCard, built: Built, device: torch.device) -> None:
        self.card = card
        self._forward = built.forward
        self._recipe = built.recipe
        self._device = device

    def embed(self, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        """(N, D) float32 unit rows, in order. Raises EmbedError, for the whole batch."""
        if not clips:
            return np.empty((0, self.card.dim), np.float32)
        if any(len(clip) != self.card.frames for clip in clips):
            raise ValueError(f"{self.card.model} takes {self.card.frames} pictures per item")
        try:
            return self._checked(self._features(clips))
        except RuntimeError as exc:  # out of memory, a lost device, a kernel that refuses
            raise EmbedError(f"{self.card.model}: {str(exc).partition(chr(10))[0]}") from exc

    @torch.inference_mode()
    def _features(self, clips: Sequence[Sequence[Pixels]]) -> Tensor:
        pixels = prepare(list(chain.from_iterable(clips)), self._recipe, self._device)
        inputs = normalise(pixels, self._recipe, precision(self._device))
        if self.card.kind is Kind.CLIP:
            inputs = inputs.view(len(clips), self.card.frames, *inputs.shape[1:]).transpose(1, 2)
        return self._forward(inputs).float().cpu()

    def _checked(self, features: Tensor) -> Vectors:
        rows: Vectors = functional.normalize(features).numpy()
        if rows.shape[1:] != (self.card.dim,):
            raise EmbedError(f"{self.card.model}: rows of {rows.shape[1:]}, not {self.card.dim} numbers")
        unit = np.abs(np.linalg.norm(rows, axis=1) - 1) < UNIT_TOLERANCE  # false for NaN
        if not unit.all():
            raise EmbedError(f"{self.card.model}: {np.sum(~unit)} of {len(rows)} vectors not finite, or zero")
        return rows


class TwoTowers(Network):
    """A network with a text tower."""

    def __init__(
        self, card: ModelCard, built: Built, device: torch.device, text: Callable[[Sequence[str]], Tensor]
    ) -> None:
        super().__init__(card, built, device)
        self._text = text

    def embed_text(self, texts: Sequence[str], prompts: Sequence[str] = AS_IT_IS) -> Vectors:
        """See `workers.models.Texted`."""
        asked = [prompt.replace("{}", text) for text in texts for prompt in prompts]
        batches = (asked[first : first + TEXTS_AT_ONCE] for first in range(0, len(asked), TEXTS_AT_ONCE))
        try:
            vectors = np.concatenate([self._checked(self._told(batch)) for batch in batches])
        except RuntimeError as exc:
            raise EmbedError(f"{self.card.model}: {str(exc).partition(chr(10))[0]}") from exc
        each = torch.from_numpy(vectors).view(len(texts), len(prompts), self.card.dim)
        return self._checked(each.mean(dim=1))

    @torch.inference_mode()
    def _told(self, texts: Sequence[str]) -> Tensor:
        return self._text(texts).float().cpu()


class Classifier(Network):
    """A network whose classifier was trained: its classes stand in the space of its vectors."""

    def __init__(self, card: ModelCard, built: Built, device: torch.device, classifier: nn.Module) -> None:
        super().__init__(card, built, device)
        (*_, rows) = (weight for weight in classifier.parameters() if weight.ndim > 1)
        self.classes = tuple(built.classes)
        self.class_vectors: Vectors = functional.normalize(rows.flatten(1).float()).cpu().numpy()
        self._vocabulary = Vocabulary(card.model, self.classes, self.class_vectors)

    def embed_text(
        self,
        texts: Sequence[str],
        prompts: Sequence[str] = AS_IT_IS,  # noqa: ARG002 # a class has its row whatever stands around it
    ) -> Vectors:
        """See `workers.models.Texted`."""
        return self._vocabulary.vectors(texts)


def precision(device: torch.device) -> torch.dtype:
    """Half on CUDA; on a CPU half is slower."""
    return torch.float16 if device.type == "cuda" else torch.float32
