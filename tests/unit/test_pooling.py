from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.frames import Vectors
from stream.pooling import normalised, pool


@st.composite
def unit_rows(draw: st.DrawFn) -> Vectors:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = rng.normal(size=(draw(st.integers(1, 20)), draw(st.integers(2, 64))))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / lengths, np.float32)


@given(unit_rows())
def test_pooling_is_numpys(rows: Vectors) -> None:
    wide = rows.astype(np.float64)
    for how, direct in (("mean", wide.mean(axis=0)), ("max", wide.max(axis=0))):
        pooled = pool(rows, how)
        assert pooled.dtype == np.float32
        assert np.linalg.norm(pooled) == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(pooled, direct / np.linalg.norm(direct), atol=1e-5)


@given(unit_rows())
def test_it_knows_no_order(rows: Vectors) -> None:
    np.testing.assert_allclose(pool(rows[::-1], "mean"), pool(rows, "mean"), atol=1e-6)


def test_vectors_that_cancel_out_have_no_direction() -> None:
    row = np.array([1, 0], np.float32)
    with pytest.raises(ValueError, match="without a direction"):
        pool(np.stack([row, -row]), "mean")
    with pytest.raises(ValueError, match="without a direction"):
        normalised(np.array([np.nan, 1], np.float32))
