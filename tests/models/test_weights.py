"""Which weights are in a model, and that its space says so."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from safetensors.torch import load_file, save_file
from torch import Tensor
from torchvision.models import get_model

from stream.cards import space_id
from stream.errors import ModelError
from stream.frames import Vectors
from tests.models.clips import pictures
from tests.models.reference import cosines, images, through_pil
from workers.models import Labelled, Model, load
from workers.models.efficientnet_lite0 import fetch
from workers.models.quiet import quiet
from workers.models.spec import Spec

VIT = "open_clip:ViT-B-32"
R3D = "torchvision:r3d_18"


def r3d_state() -> dict[str, Tensor]:
    torch.manual_seed(77)  # not ours
    state: dict[str, Tensor] = get_model("r3d_18").state_dict()
    return state


@pytest.fixture(scope="module")
def r3d_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("r3d") / "r3d.pth"
    torch.save(r3d_state(), file)
    return file


def of_bikes(model: Model) -> Vectors:
    return model.embed([pictures("bikes", model.card.frames, step=4)])


def test_untrained_models_are_the_same_everywhere_and_leave_the_dice_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    one = load(R3D, "random", "cpu")
    assert torch.equal(torch.rand(1), expected)
    other = load(R3D, "random", "cpu")
    np.testing.assert_array_equal(of_bikes(one), of_bikes(other))
    assert one.card == other.card
    assert one.card.weights == "random"
    assert "random seed=0" in one.card.identity


def test_an_open_clip_checkpoint_equals_the_model_it_was_saved_from(tmp_path: Path) -> None:
    torch.manual_seed(77)
    with quiet():
        net: Any = open_clip.create_model("ViT-B-32", load_weights=False).eval()
    file = tmp_path / "vit.safetensors"
    save_file(net.state_dict(), file)
    model = load(VIT, str(file), "cpu")
    transform = image_transform_v2(PreprocessCfg(**net.visual.preprocess_cfg), is_train=False)
    shown = pictures("bikes", 2)
    assert cosines(images(model, shown), through_pil(net.encode_image, transform)(shown)).min() >= 0.9999
    assert model.card.weights == "vit.safetensors"
    with pytest.raises(
        ModelError, match=r"vit\.safetensors is not a checkpoint of it: .*Missing key"
    ) as refusal:
        load("open_clip:RN50", str(file), "cpu")
    assert "\n" not in str(refusal.value)


def test_wrapped_and_prefixed_tensors_are_found(r3d_file: Path, tmp_path: Path) -> None:
    wrapped = tmp_path / "training.pt"
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in r3d_state().items()}}, wrapped)
    np.testing.assert_array_equal(
        of_bikes(load(R3D, str(wrapped), "cpu")), of_bikes(load(R3D, str(r3d_file), "cpu"))
    )


def test_a_classifier_from_a_file_has_its_classes(r3d_file: Path) -> None:
    model = load(R3D, str(r3d_file), "cpu")
    assert isinstance(model, Labelled)
    assert "playing drums" in model.classes
    row = r3d_state()["fc.weight"][7]
    np.testing.assert_allclose(model.class_vectors[7], row / row.norm(), atol=1e-6)


def test_lite0_takes_timms_names_too(tmp_path: Path, lite0: Model) -> None:
    from workers.models import efficientnet_lite0

    spec = Spec.parse("efficientnet_lite0", "auto")
    built = efficientnet_lite0.build(spec)
    efficientnet_lite0.fill(spec, built, fetch(spec))
    file = tmp_path / "timm.safetensors"
    save_file(built.net.state_dict(), file)
    assert list(load_file(file)) != list(built.net.state_dict())  # safetensors are in the names' order
    np.testing.assert_allclose(
        of_bikes(load("efficientnet_lite0", str(file), "cpu")), of_bikes(lite0), atol=1e-6
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fc.weight": None}, "fc.weight is missing (1 of 122 are)"),
        ({"fc.scale": torch.zeros(1)}, "fc.scale has no place in it (1 have none)"),
        ({"fc.weight": torch.zeros(10, 512)}, "fc.weight is (10, 512), should be (400, 512)"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(
    change: dict[str, Tensor | None], says: str, tmp_path: Path
) -> None:
    file = tmp_path / "changed.pth"
    state = {name: tensor for name, tensor in (r3d_state() | change).items() if tensor is not None}
    torch.save(state, file)
    with pytest.raises(ModelError, match=re.escape(f"{file} is not a checkpoint of it: {says}")):
        load(R3D, str(file), "cpu")


class Runs:
    """Pickled, it would make a file when it is read."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("model", [R3D, VIT, "efficientnet_lite0"])
def test_code_in_a_checkpoint_is_not_run(model: str, tmp_path: Path) -> None:
    file, proof = tmp_path / "evil.pth", tmp_path / "it-ran"
    torch.save({"weight": Runs(proof)}, file)
    with pytest.raises(ModelError, match=re.escape(str(file))):
        load(model, str(file), "cpu")
    assert not proof.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
@pytest.mark.parametrize("name", ["x.safetensors", "x.pth"])
def test_what_is_no_checkpoint_is_refused_by_name(name: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ModelError, match="is neither safetensors nor a torch file of plain tensors"):
        load(R3D, str(file), "cpu")


def test_the_space_changes_with_the_weights(r3d_file: Path, tmp_path: Path) -> None:
    changed = tmp_path / r3d_file.name
    torch.save(r3d_state() | {"fc.bias": torch.ones(400)}, changed)
    cards = [load(R3D, weights, "cpu").card for weights in ("random", str(r3d_file), str(changed))]
    assert len({space_id(card, "mean") for card in cards}) == 3
    assert cards[1].weights == cards[2].weights  # the name alone would not tell
    assert all("torch.float32" in card.identity and "mean=(0.43216," in card.identity for card in cards)


def test_the_space_changes_with_the_preprocessing_alone() -> None:
    bicubic, bilinear = (load(f"timm:resnet18/{tag}", "random", "cpu").card for tag in ("a1_in1k", "tv_in1k"))
    assert bicubic.weights == bilinear.weights == "random"
    assert space_id(replace(bilinear, model=bicubic.model), "mean") != space_id(bicubic, "mean")
