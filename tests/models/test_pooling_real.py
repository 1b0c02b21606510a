"""Pooling and extras on the vectors of a trained model, of real clips."""

from __future__ import annotations

import numpy as np
import pytest

from stream.extras import motion
from stream.frames import Vectors
from stream.pooling import Pooling, pool
from tests.models.clips import CLIPS, pictures
from tests.models.conftest import Say
from tests.plain_pooling import CASES, pooled
from workers.models import Model


def vectors_of(model: Model, name: str, count: int = 8) -> Vectors:
    return model.embed([(picture,) for picture in pictures(name, count, 10, model.card.short_side)])


@pytest.mark.parametrize("name", CLIPS)
def test_pooling_is_as_it_is_defined(lite0: Model, name: str) -> None:
    rows, at_s = vectors_of(lite0, name), np.linspace(0, 2.8, 8)
    for how, parameter in CASES:
        direct = pooled(rows, at_s, how, parameter)
        assert pool(rows, at_s, Pooling(how, parameter)) @ direct > 0.999999


def test_motion_is_least_where_nothing_moves(lite0: Model, say: Say) -> None:
    found = {name: motion(vectors_of(lite0, name)) or 0 for name in CLIPS}
    say(f"motion: {found}")
    still = motion(np.repeat(vectors_of(lite0, "bikes")[:1], 8, axis=0))
    assert still == pytest.approx(0, abs=1e-6)
    assert min(found.values()) > 0.01
