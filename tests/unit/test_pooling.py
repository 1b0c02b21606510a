from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.config import EmbedderConfig
from stream.frames import Vectors
from stream.pooling import Pooling, Times, normalised, pool
from tests.plain_pooling import CASES, pooled


@st.composite
def unit_rows(draw: st.DrawFn) -> Vectors:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = rng.normal(size=(draw(st.integers(1, 20)), draw(st.integers(2, 64))))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / lengths, np.float32)


def times(rows: Vectors) -> Times:
    """Of frames with gaps between them."""
    return np.cumsum(np.random.default_rng(len(rows)).choice([0.25, 0.5, 3.0], len(rows))) + 1e9


@pytest.mark.parametrize(("how", "parameter"), CASES)
@given(rows=unit_rows())
def test_pooling_is_as_it_is_defined(how: str, parameter: float | None, rows: Vectors) -> None:
    at_s = times(rows)
    vector = pool(rows, at_s, Pooling(how, parameter))
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(vector, pooled(rows, at_s, how, parameter), atol=1e-5)


@given(unit_rows())
def test_only_last_and_ema_know_order(rows: Vectors) -> None:
    for how, parameter in CASES:
        forward, backward = (
            pool(each, times(rows), Pooling(how, parameter)) for each in (rows, rows[::-1].copy())
        )
        if how not in ("last", "ema"):
            np.testing.assert_allclose(backward, forward, atol=1e-6)
    np.testing.assert_allclose(pool(rows[::-1], times(rows), Pooling("last")), rows[0], atol=1e-6)


@given(unit_rows())
def test_at_their_ends_the_parameters_give_the_plain_ways(rows: Vectors) -> None:
    at_s = times(rows)
    mean, last = (pool(rows, at_s, Pooling(how)) for how in ("mean", "last"))
    for how, parameter in (("ema", 1e6), ("gem", 1.0), ("attention", 1e6)):
        np.testing.assert_allclose(pool(rows, at_s, Pooling(how, parameter)), mean, atol=1e-4)
    np.testing.assert_allclose(pool(rows, at_s, Pooling("ema", 0.001)), last, atol=1e-6)


def test_a_frame_that_is_a_half_life_older_weighs_half() -> None:
    rows = np.eye(3, dtype=np.float32)
    vector = pool(rows, np.array([10.0, 12.0, 13.0]), Pooling("ema", 1.0))
    assert vector / vector[2] == pytest.approx([1 / 8, 1 / 2, 1])


def test_gem_keeps_the_signs() -> None:
    rows = np.array([[0.6, -0.8], [0.8, -0.6]], np.float32)
    up, down = pool(rows, np.arange(2.0), Pooling("gem", 3.0))
    assert up == pytest.approx(-down)
    assert up > 0


def test_attention_passes_over_the_odd_one_out() -> None:
    rows = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    plain, attentive = (pool(rows, np.arange(3.0), Pooling(*how)) for how in (("mean",), ("attention", 0.1)))
    assert attentive[1] < plain[1] / 10


def test_a_missing_frame_counts_for_nothing() -> None:
    rows = np.eye(4, dtype=np.float32)
    at_s = np.arange(4.0)
    there = [0, 2, 3]
    for how, parameter in CASES:
        vector = pool(rows[there], at_s[there], Pooling(how, parameter))
        assert vector[1] == 0


@pytest.mark.parametrize("how", ["mean", "attention"])
def test_vectors_that_cancel_out_have_no_direction(how: str) -> None:
    row = np.array([1, 0], np.float32)
    with pytest.raises(ValueError, match="without a direction"):
        pool(np.stack([row, -row]), np.arange(2.0), Pooling(how, 0.1))
    with pytest.raises(ValueError, match="without a direction"):
        normalised(np.array([np.nan, 1], np.float32))


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, "mean"),
        ({"pooling": "max"}, "max"),
        ({"pooling": "ema", "half_life_s": 2}, "ema 2.0"),
        ({"pooling": "gem"}, "gem 3.0"),
        ({"pooling": "attention"}, "attention 0.1"),
    ],
)
def test_it_names_itself_with_its_own_parameter(config: dict[str, object], text: str) -> None:
    assert (
        str(Pooling.of(EmbedderConfig.model_validate({"name": "scene", "model": "made", **config}))) == text
    )
