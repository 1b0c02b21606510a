"""Our vector against the library's own transform and forward pass, on the same real pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from open_clip.pretrained import get_pretrained_cfg
from open_clip.transform import PreprocessCfg, image_transform_v2
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform
from torch import nn
from torchvision.models import get_model, get_model_weights

from stream.frames import Pixels, Vectors
from tests.models.clips import CLIPS, pictures
from tests.models.conftest import Say
from tests.models.reference import (
    ERROR_SHARE,
    EXACT,
    Reference,
    cosines,
    error_share,
    images,
    pooled,
    through_pil,
    unit,
)
from workers.models import Labelled, Model, load
from workers.models.efficientnet_lite0 import fetch
from workers.models.loading import SEED
from workers.models.quiet import quiet
from workers.models.spec import Spec

SCALED_ONCE = 0.99  # of pictures that the decoder scaled to what the model needs


@pytest.fixture(scope="module")
def timms_lite0() -> Reference:
    """timm's network and transform, with the bundled tensors in timm's order and their (x - 127) / 128."""
    net: Any = timm.create_model("tf_efficientnet_lite0").eval()
    stored = torch.load(fetch(Spec.parse("efficientnet_lite0", "auto")), weights_only=True)
    net.load_state_dict(dict(zip(net.state_dict(), stored.values(), strict=True)))
    net.reset_classifier(0)
    resolve: Any = resolve_model_data_config  # it ships no types
    own = resolve(net) | {"mean": (127 / 255,) * 3, "std": (128 / 255,) * 3}
    return through_pil(net, create_transform(**own, is_training=False))


@pytest.mark.parametrize("clip", CLIPS)
def test_trained_lite0_equals_timm_on_the_same_pixels(
    lite0: Model, timms_lite0: Reference, clip: str, say: Say
) -> None:
    shown = pictures(clip, 6)
    same = cosines(images(lite0, shown), timms_lite0(shown)).min()
    say(f"EfficientNet-Lite0, trained, {clip}: same pixels, cosine at least {same:.6f}")
    assert same >= EXACT


@pytest.mark.parametrize("clip", CLIPS)
def test_trained_lite0_on_pictures_scaled_once_is_near_timm_on_full_ones(
    lite0: Model, timms_lite0: Reference, clip: str, say: Say
) -> None:
    scaled = images(lite0, pictures(clip, 12, short_side=lite0.card.short_side))
    theirs = timms_lite0(pictures(clip, 12))
    near = cosines(scaled, theirs)
    window = cosines(pooled(scaled), pooled(theirs)).item()
    say(
        f"EfficientNet-Lite0, trained, {clip}: scaled once, cosine at least {near.min():.4f}, "
        f"mean {near.mean():.4f}, pooled {window:.4f}"
    )
    assert near.min() >= SCALED_ONCE
    assert window >= SCALED_ONCE


@pytest.mark.parametrize(
    ("word", "shows_it"),
    [("mountain bike", "bikes"), ("seat belt", "carphone_pristine"), ("hare", "bigbuckbunny")],
)
def test_trained_lite0_finds_each_clip_by_the_class_it_shows(lite0: Model, word: str, shows_it: str) -> None:
    assert isinstance(lite0, Labelled)
    row = next(index for index, name in enumerate(lite0.classes) if word in name.split(", "))
    windows = {clip: pooled(images(lite0, pictures(clip, 12)))[0] for clip in CLIPS}
    assert max(windows, key=lambda clip: float(windows[clip] @ lite0.class_vectors[row])) == shows_it


@pytest.mark.parametrize(
    "name",
    [
        "ViT-B-32/laion2b_s34b_b79k",
        "RN50/openai",  # with QuickGELU, as its tag says
        "ViT-B-16-SigLIP/webli",  # squashes
        "MobileCLIP2-S0/dfndr2b",  # a tower from timm
    ],
)
def test_open_clip_equals_its_library(name: str, say: Say) -> None:
    architecture, tag = name.split("/")
    config = get_pretrained_cfg(architecture, tag)
    torch.manual_seed(SEED)
    with quiet():
        net: Any = open_clip.create_model(
            architecture,
            load_weights=False,
            force_quick_gelu=config.get("quick_gelu", False),
            force_preprocess_cfg=config,
        ).eval()
    transform = image_transform_v2(PreprocessCfg(**net.visual.preprocess_cfg), is_train=False)
    shown = pictures("bikes", 2)
    ours = images(load(f"open_clip:{name}", "random", "cpu"), shown)
    theirs = through_pil(net.encode_image, transform)(shown)
    same, share = cosines(ours, theirs).min(), error_share(ours, theirs)
    say(f"{name}, untrained, bikes: same pixels, cosine at least {same:.6f}; error share {share:.4f}")
    assert same >= EXACT
    assert share <= ERROR_SHARE


def torchvisions(name: str, *clips: Sequence[Pixels]) -> Vectors:
    """Videos through the weights' own transform and the untrained network without its classifier."""
    torch.manual_seed(SEED)
    net = get_model(name).eval()
    for head in ("fc", "head", "classifier"):
        if hasattr(net, head):
            setattr(net, head, nn.Identity())
    transform = get_model_weights(name).DEFAULT.transforms()
    videos = [transform(torch.from_numpy(np.stack(clip)).permute(0, 3, 1, 2)) for clip in clips]
    with torch.inference_mode():
        return unit(torch.cat([net(video.unsqueeze(0)) for video in videos]))


@pytest.mark.timeout(240)  # Swin takes 32 pictures of 224 pixels: 15 s a pass on two busy cores
@pytest.mark.parametrize(
    "name",
    [
        "r3d_18",
        "mc3_18",
        "r2plus1d_18",
        "s3d",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("mvit_v1_b", "mvit_v2_s", "swin3d_t")),
    ],
)
def test_torchvision_equals_its_library(name: str, say: Say) -> None:
    model = load(f"torchvision:{name}", "random", "cpu")
    clip = pictures("bikes", model.card.frames, step=4)
    ours, theirs = model.embed([clip, clip[::-1]]), torchvisions(name, clip, clip[::-1])
    same, share = cosines(ours, theirs).min(), error_share(ours, theirs)
    say(f"{name}, untrained, bikes: same pixels, cosine at least {same:.6f}; error share {share:.4f}")
    assert same >= EXACT
    assert share <= ERROR_SHARE


@pytest.mark.parametrize("clip", CLIPS)
def test_r3d_18_on_pictures_scaled_once_is_near_torchvision_on_full_ones(
    r3d_18: Model, clip: str, say: Say
) -> None:
    scaled_once = pictures(clip, 16, step=4, short_side=r3d_18.card.short_side)
    near = cosines(r3d_18.embed([scaled_once]), torchvisions("r3d_18", pictures(clip, 16, step=4))).item()
    say(f"r3d_18, untrained, {clip}: scaled once, cosine {near:.6f}")
    assert near >= SCALED_ONCE
