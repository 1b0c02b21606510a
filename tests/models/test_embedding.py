"""What every model promises of its vectors, whatever it is."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stream.cards import ModelCard
from stream.errors import EmbedError
from stream.frames import Pixels
from stream.record import Kind
from tests.models.clips import pictures
from tests.models.conftest import Say
from workers.models import Labelled, Model, load
from workers.models.families import Built
from workers.models.network import Network
from workers.models.preprocess import Recipe

CPU = torch.device("cpu")
GREY: Pixels = np.full((8, 8, 3), 128, np.uint8)


class Broken(nn.Module):
    """Answers each picture with `row`."""

    def __init__(self, row: list[float]) -> None:
        super().__init__()
        self.row = torch.tensor(row)

    def forward(self, images: Tensor) -> Tensor:
        return self.row.expand(len(images), -1)


class Exhausted(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 1 GiB")


def model_of(net: nn.Module) -> Network:
    card = ModelCard("made", "random", Kind.FRAMES, dim=3, frames=1, short_side=8, identity="made")
    recipe = Recipe(resize=(8, 8), crop=(8, 8), mean=(0.5,) * 3, std=(0.5,) * 3)
    return Network(card, Built(net, recipe, forward=net), CPU)


@pytest.mark.parametrize("model", ["lite0", "vit_b_32"])
def test_a_batch_equals_its_pictures_one_by_one(model: str, request: pytest.FixtureRequest) -> None:
    frames_model: Model = request.getfixturevalue(model)
    mixed = [*pictures("bikes", 2), *pictures("carphone_pristine", 2), *pictures("bikes", 1)]
    together = frames_model.embed([[picture] for picture in mixed])
    alone = np.concatenate([frames_model.embed([[picture]]) for picture in mixed])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_batch_of_clips_equals_them_one_by_one(r3d_18: Model) -> None:
    clips = [pictures("bikes", 16, step=4), pictures("carphone_pristine", 16, step=4)]
    together = r3d_18.embed(clips)
    alone = np.concatenate([r3d_18.embed([clip]) for clip in clips])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("model", ["lite0", "vit_b_32", "r3d_18"])
def test_vectors_are_unit_float32_of_the_cards_length(model: str, request: pytest.FixtureRequest) -> None:
    its: Model = request.getfixturevalue(model)
    vectors = its.embed([pictures("bikes", its.card.frames, step=4)])
    assert (vectors.dtype.name, vectors.shape) == ("float32", (1, its.card.dim))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    assert its.embed([]).shape == (0, its.card.dim)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([1.0, float("nan"), 0.0], "2 of 2 vectors not finite, or zero"),
        ([1.0, float("inf"), 0.0], "2 of 2 vectors not finite, or zero"),
        ([0.0, 0.0, 0.0], "2 of 2 vectors not finite, or zero"),
        ([1.0, 0.0], r"rows of \(2,\), not 3 numbers"),
    ],
)
def test_a_vector_that_is_none_is_refused(row: list[float], says: str) -> None:
    with pytest.raises(EmbedError, match=f"made: {says}"):
        model_of(Broken(row)).embed([[GREY], [GREY]])


def test_a_device_that_fails_is_an_embed_error_in_one_line() -> None:
    with pytest.raises(EmbedError, match=r"^made: CUDA out of memory\.$"):
        model_of(Exhausted()).embed([[GREY]])


def test_a_clip_of_the_wrong_length_is_a_bug_of_the_caller(r3d_18: Model) -> None:
    with pytest.raises(ValueError, match="takes 16 pictures per item"):
        r3d_18.embed([[GREY] * 15])


def test_only_a_clip_model_sees_which_way_time_runs(lite0: Model, r3d_18: Model, say: Say) -> None:
    clip = pictures("bikes", 16, step=4)
    forwards, backwards = (lite0.embed([[p] for p in shown]).mean(axis=0) for shown in (clip, clip[::-1]))
    np.testing.assert_allclose(forwards, backwards, atol=1e-6)
    there, back = r3d_18.embed([clip, clip[::-1]])
    say(f"bikes forwards and backwards: r3d_18 cosine {there @ back:.4f}, pooled frames 1.0000")
    assert there @ back < 0.995


def test_a_trained_classifier_has_its_classes_as_unit_vectors(lite0: Model, r3d_18: Model) -> None:
    assert isinstance(lite0, Labelled)
    assert len(lite0.classes) == 1000
    assert lite0.class_vectors.shape == (1000, lite0.card.dim)
    assert np.linalg.norm(lite0.class_vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert not isinstance(r3d_18, Labelled)  # untrained: its classes mean nothing


@pytest.mark.gpu
@pytest.mark.skipif(not (torch.cuda.is_available() or "LIVEVEC_GPU" in os.environ), reason="no CUDA device")
@pytest.mark.parametrize("model", ["efficientnet_lite0", "torchvision:r3d_18"])
def test_half_precision_on_cuda_is_near_the_cpu(model: str) -> None:
    weights = "auto" if model == "efficientnet_lite0" else "random"
    on_cpu, on_cuda = (load(model, weights, device) for device in ("cpu", "cuda:0"))
    clip = pictures("bikes", on_cpu.card.frames, step=4)
    assert (on_cpu.embed([clip]) @ on_cuda.embed([clip]).T).item() >= 0.999
    assert on_cpu.card.identity != on_cuda.card.identity
