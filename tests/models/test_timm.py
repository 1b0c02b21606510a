"""timm's image models, each family once in full size, on a real clip, against timm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform

from stream.errors import ModelError
from tests.models.clips import pictures
from tests.models.conftest import Say
from tests.models.reference import ERROR_SHARE, EXACT, cosines, error_share, images, through_pil
from workers.models import Labelled, load
from workers.models.loading import SEED


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "name",
    [
        "resnet50/a1_in1k",
        "resnet50/tv_in1k",  # bilinear
        "vgg16/tv_in1k",
        "vit_base_patch16_224/augreg2_in21k_ft_in1k",
        "convnext_tiny/in12k_ft_in1k_384",  # squashes
        "efficientnet_b0/ra_in1k",
        "mobilenetv3_large_100/ra_in1k",
        "vit_small_patch16_dinov3/lvd1689m",  # never had a classifier
    ],
)
def test_timm_equals_its_library(name: str, say: Say) -> None:
    torch.manual_seed(SEED)
    net: Any = timm.create_model(name.replace("/", ".")).eval()
    net.reset_classifier(0)
    resolve: Any = resolve_model_data_config  # it ships no types
    transform = create_transform(**resolve(net), is_training=False)
    shown = pictures("bikes", 2)
    model = load(f"timm:{name}", "random", "cpu")
    ours, theirs = images(model, shown), through_pil(net, transform)(shown)
    same, share = cosines(ours, theirs).min(), error_share(ours, theirs)
    say(f"{name}, untrained, bikes: same pixels, cosine at least {same:.6f}; error share {share:.4f}")
    assert same >= EXACT
    assert share <= ERROR_SHARE


def test_a_timm_checkpoint_equals_the_model_it_was_saved_from(tmp_path: Path) -> None:
    torch.manual_seed(77)
    net: Any = timm.create_model("resnet18.tv_in1k").eval()
    row = net.fc.weight[671].detach()
    file = tmp_path / "resnet18.safetensors"
    save_file(net.state_dict(), file)
    resolve: Any = resolve_model_data_config
    transform = create_transform(**resolve(net), is_training=False)
    net.reset_classifier(0)
    shown = pictures("bikes", 2)
    model = load("timm:resnet18/tv_in1k", str(file), "cpu")
    assert cosines(images(model, shown), through_pil(net, transform)(shown)).min() >= EXACT
    assert isinstance(model, Labelled)
    assert model.classes[671] == "mountain bike, all-terrain bike, off-roader"
    np.testing.assert_allclose(model.class_vectors[671], row / row.norm(), atol=1e-6)


def test_a_checkpoint_of_another_model_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "resnet18.safetensors"
    save_file(timm.create_model("resnet18").state_dict(), file)
    with pytest.raises(ModelError, match=r"resnet18\.safetensors is not a checkpoint of it: ") as refusal:
        load("timm:resnet50", str(file), "cpu")
    assert "\n" not in str(refusal.value)


def test_an_encoder_without_one_vector_is_refused() -> None:
    with pytest.raises(ModelError, match="not one vector for a picture"):
        load("timm:mobilenetv5_300m_enc", "random", "cpu")
