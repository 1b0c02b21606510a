"""How `livevec models --measure` gets its figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stream.cards import ModelCard
from stream.frames import Pixels, Vectors
from stream.record import Kind
from workers.models.measure import Timing, measure

CARD = ModelCard("fake", "random", Kind.CLIP, dim=4, frames=3, short_side=90, identity="")


class Slow:
    """A clip model whose time passes by itself: so many seconds for each batch, in order."""

    card = CARD

    def __init__(self, *takes_s: float) -> None:
        self.now = 0.0
        self.shapes: set[tuple[int, ...]] = set()
        self.batches: list[int] = []
        self._takes_s = iter(takes_s)

    def embed(self, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        self.now += next(self._takes_s)
        self.batches.append(len(clips))
        self.shapes |= {picture.shape for clip in clips for picture in clip}
        assert all(len(clip) == CARD.frames for clip in clips)
        return np.ones((len(clips), CARD.dim), np.float32)


def test_the_figure_is_the_median_per_item_after_a_round_that_does_not_count() -> None:
    model = Slow(9.0, 0.1, 0.3, 0.2, 9.0, 0.8, 1.2, 0.4)
    told: list[tuple[int, int]] = []
    timing = measure(model, 4, 3, lambda: model.now, lambda done, of: told.append((done, of)))
    assert model.batches == [1] * 4 + [4] * 4
    np.testing.assert_allclose([timing.alone_ms, timing.batched_ms], [200.0, 200.0])
    assert timing.batch == 4
    assert told == [(done, 8) for done in range(1, 9)]


def test_pictures_are_as_large_as_the_decoder_makes_them() -> None:
    model = Slow(*[1.0] * 4)
    assert measure(model, 1, 1, lambda: model.now, lambda *_: None) == Timing(1000.0, 1, 1000.0)
    assert model.shapes == {(90, 160, 3)}
