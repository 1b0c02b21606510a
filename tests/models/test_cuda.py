"""Half precision on CUDA against float32 on a CPU. With FAIL_WITHOUT_CUDA=1 nothing is skipped."""

from __future__ import annotations

import os

import pytest
import torch

from tests.models.clips import pictures
from tests.models.conftest import Say
from tests.models.reference import cosines
from workers.models import Model, load

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available() and os.environ.get("FAIL_WITHOUT_CUDA") != "1",
        reason="no CUDA device (FAIL_WITHOUT_CUDA=1 makes this a failure)",
    ),
]

SAME = 0.999  # half keeps 11 bits: rounding moves a cosine by some 1e-4 over a network's depth


@pytest.fixture(params=["efficientnet_lite0", "torchvision:r3d_18"])
def on_cpu(request: pytest.FixtureRequest) -> Model:
    weights = "auto" if request.param == "efficientnet_lite0" else "random"
    return load(request.param, weights, "cpu")


def test_half_precision_on_cuda_equals_float32_on_a_cpu(on_cpu: Model, say: Say) -> None:
    card = on_cpu.card
    on_cuda = load(card.model, "random" if card.weights == "random" else "auto", "cuda")
    items = [pictures(clip, card.frames, step=4) for clip in ("bikes", "carphone_pristine")]
    same = cosines(on_cuda.embed(items), on_cpu.embed(items)).min()
    say(f"{card.model}: float16 on CUDA against float32 on a CPU, cosine at least {same:.6f}")
    assert same >= SAME
    assert on_cuda.card.identity != card.identity
