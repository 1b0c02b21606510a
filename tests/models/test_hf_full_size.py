"""The published video models of transformers, as large as they are, against the library; untrained.

Its side is written out here from its own classes, so that our table is checked too. Through the pipeline they
go in `test_full_size.py`; the vectors of every architecture are compared in `test_hf.py`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import transformers as library
from torch import nn

from tests.models.clips import pictures
from tests.models.conftest import Say
from tests.models.reference import cosines
from tests.models.tiny import Features, embed, pooled
from workers.models import check, hf, load
from workers.models.hf_published import PUBLISHED
from workers.models.hf_recipe import recipe_of
from workers.models.loading import SEED
from workers.models.spec import Spec

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

EXACT = 0.9999  # of the same pixels

IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


@dataclass(frozen=True)
class Full:
    frames: int
    network: Callable[[], Any]
    processor: Callable[[], Any]


def one_vision() -> Any:
    """LLaVA-OneVision 7B: its vision tower and projector whole, of its language model no layer."""
    text = library.Qwen2Config(hidden_size=3584, num_hidden_layers=0, vocab_size=1)
    return library.LlavaOnevisionModel(library.LlavaOnevisionConfig(text_config=text))


def next_video() -> Any:
    text = library.LlamaConfig(num_hidden_layers=0, vocab_size=1)
    return library.LlavaNextVideoModel(library.LlavaNextVideoConfig(text_config=text))


FULL = {
    "MCG-NJU/videomae-base": Full(
        16,
        lambda: library.VideoMAEModel(library.VideoMAEConfig(use_mean_pooling=False)),
        lambda: library.VideoMAEImageProcessor(**IMAGENET),
    ),
    "facebook/timesformer-base-finetuned-k400": Full(
        8,
        lambda: library.TimesformerForVideoClassification(library.TimesformerConfig(num_labels=400)),
        lambda: library.VideoMAEImageProcessor(image_mean=[0.45] * 3, image_std=[0.225] * 3),
    ),
    "google/vivit-b-16x2-kinetics400": Full(
        32,
        lambda: library.VivitForVideoClassification(library.VivitConfig(num_labels=400)),
        lambda: library.VivitImageProcessor(size={"shortest_edge": 224}),
    ),
    "microsoft/xclip-base-patch32": Full(
        8,
        lambda: library.XCLIPModel(library.XCLIPConfig()),
        lambda: library.VideoMAEImageProcessor(**IMAGENET),
    ),
    "lmms-lab/LLaVA-Video-7B-Qwen2": Full(
        8,
        one_vision,
        lambda: library.LlavaOnevisionVideoProcessor(image_mean=[0.5] * 3, image_std=[0.5] * 3),
    ),
    "llava-hf/LLaVA-NeXT-Video-7B-hf": Full(
        8,
        next_video,
        lambda: library.LlavaNextVideoVideoProcessor(
            size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}
        ),
    ),
}


@pytest.fixture(autouse=True)
def _one_at_a_time() -> Iterator[None]:
    yield
    gc.collect()  # a module refers to itself


@pytest.mark.parametrize("name", FULL)
def test_is_built_as_its_library_builds_it(name: str) -> None:
    full, spec = FULL[name], Spec.parse(f"hf:{name}", "random")
    with torch.device("meta"):  # shapes only
        ours, theirs = hf.build(spec), full.network()
    assert shapes(ours.net) == shapes(theirs)
    assert ours.recipe == recipe_of(spec, full.processor())
    assert hf.outline(spec).frames == full.frames


def shapes(net: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in net.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "features"),
    [  # of those that compare with the least work: a pass of LLaVA-Video takes 5 TFLOP
        ("MCG-NJU/videomae-base", lambda net, clips: net(clips).last_hidden_state.mean(1)),
        ("microsoft/xclip-base-patch32", pooled),
    ],
)
def test_equals_its_library_in_full_size(name: str, features: Features, say: Say) -> None:
    full = FULL[name]
    clip = pictures("bikes", full.frames, step=4)
    ours = load(f"hf:{name}", "random", "cpu").embed([clip])
    torch.manual_seed(SEED)
    same = cosines(ours, embed(full.network().eval(), full.processor(), features, [clip])).item()
    say(f"{name}: same pixels, cosine {same:.6f}")
    assert same >= EXACT


@pytest.mark.parametrize(
    ("name", "millions"),
    [  # as their papers count them, without the head
        ("MCG-NJU/videomae-large", 303),
        ("MCG-NJU/videomae-huge-finetuned-kinetics", 631),
        ("facebook/timesformer-hr-finetuned-k400", 121),
        ("facebook/vjepa2-vitl-fpc64-256", 300),
        ("facebook/vjepa2-vitg-fpc64-384", 1000),
        ("google/videoprism-large-f8r288", 354),
    ],
)
def test_the_larger_ones_have_as_many_parameters_as_published(name: str, millions: int) -> None:
    with torch.device("meta"):
        net = hf.build(Spec.parse(f"hf:{name}", "random")).net
    count = sum(each.numel() for path, each in net.named_parameters() if "predictor" not in path)
    assert count / 1e6 == pytest.approx(millions, rel=0.04)


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_published_name_can_be_built(name: str) -> None:
    with torch.device("meta"):  # its shapes only
        built = hf.build(Spec.parse(f"hf:{name}", "random"))
    assert built.recipe.crop[0] % 2 == 0
    assert check(f"hf:{name}", "random").frames >= 8
    assert len(built.classes) == PUBLISHED[name].labels
