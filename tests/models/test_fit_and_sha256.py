"""What the configuration may ask of any model: how pictures are fitted, and which bytes its weights have."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from stream.cards import space_id
from stream.config import EmbedderConfig
from stream.errors import ModelError
from stream.frames import Pixels
from tests.models.clips import pictures
from tests.models.reference import cosines, images, unit
from workers.models import Model, check, families, load, load_for
from workers.models.digest import digest_of
from workers.models.efficientnet_lite0 import fetch
from workers.models.preprocess import Fit, Recipe
from workers.models.spec import Spec

LITE0 = "efficientnet_lite0"
SIDE = 224  # of what it is given
MEAN, STD = 127 / 255, 128 / 255


def whole_picture(picture: Pixels) -> Image.Image:
    return Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def letterboxed(picture: Pixels) -> Image.Image:
    """On a canvas of the mean colour, as large as fits, in the middle."""
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    small = Image.fromarray(picture).resize(
        (round(width * scale), round(height * scale)), Image.Resampling.BICUBIC
    )
    canvas = Image.new("RGB", (SIDE, SIDE), (127, 127, 127))
    canvas.paste(small, ((SIDE - small.width) // 2, (SIDE - small.height) // 2))
    return canvas


@pytest.mark.parametrize(("fit", "fitted"), [("squash", whole_picture), ("pad", letterboxed)])
@pytest.mark.parametrize("clip", ["bikes", "bigbuckbunny"])  # 640 x 272 and 1280 x 720
def test_a_fitted_picture_gives_the_vector_of_a_direct_computation(fit: str, fitted: Any, clip: str) -> None:
    spec = Spec.parse(LITE0, "auto")
    family = families.family_of(spec)
    built = family.build(spec)
    family.fill(spec, built, fetch(spec))
    built.net.eval()
    shown = pictures(clip, 2)
    canvases = np.stack([np.asarray(fitted(picture)) for picture in shown])
    inputs = (torch.from_numpy(canvases).permute(0, 3, 1, 2) / 255 - MEAN) / STD
    with torch.inference_mode():
        theirs = unit(built.forward(inputs))
    assert cosines(images(load(LITE0, "auto", "cpu", fit=fit), shown), theirs).min() >= 0.9999


def test_a_crop_in_place_of_a_squash_is_that_of_the_middle() -> None:
    wants = Recipe((64, 96), (64, 96), mean=(0.5, 0.4, 0.3), std=(0.2,) * 3, fit=Fit.SQUASH)
    assert wants.fitted("crop").resized(128, 256) == (64, 128)
    assert wants.fitted("pad").resized(128, 256) == (48, 96)
    assert wants.fitted("pad").fill == (128, 102, 76)
    assert wants.fitted("squash") == wants.fitted("") == wants


def test_another_fit_is_another_space_and_the_models_own_is_not(lite0: Model) -> None:
    cards = {fit: load(LITE0, "auto", "cpu", fit=fit).card for fit in ("crop", "squash", "pad")}
    spaces = {fit: space_id(card, "mean") for fit, card in cards.items()}
    assert spaces["crop"] == space_id(lite0.card, "mean")
    assert len(set(spaces.values())) == 3


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_weights_with_the_configured_hash_are_loaded() -> None:
    config = EmbedderConfig(name="scene", model=LITE0, sha256=sha256(fetch(Spec.parse(LITE0, "auto"))))
    assert load_for(config, "cpu").card.dim == 1280


class Runs:
    """Pickled, it would make a file when it is read."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.file,)


def test_weights_with_another_hash_are_refused_before_they_are_read(tmp_path: Path) -> None:
    file = tmp_path / "changed.pth"
    torch.save({"weight": Runs(tmp_path / "it-was-read")}, file)
    says = f"{file} is not what it should be: sha256 expected {'0' * 64}, found {sha256(file)}"
    with pytest.raises(ModelError, match=re.escape(says)):
        load(LITE0, str(file), "cpu", sha256="0" * 64)


def test_weights_that_come_with_code_have_no_hash_to_compare() -> None:
    with pytest.raises(ModelError, match="its weights come from code, not from a file"):
        load("python:tests.models.example_model:Tones", "auto", "cpu", sha256="0" * 64)


def test_a_folders_hash_is_that_of_its_weights_alone(tmp_path: Path) -> None:
    def save(name: str, value: float) -> Path:
        save_file({"w": Tensor([value])}, tmp_path / name)
        return tmp_path / name

    one = save("model.safetensors", 1.0)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"the same, in another layout")
    assert digest_of(tmp_path) == digest_of(one) == sha256(one)
    other = save("more.safetensors", 2.0)
    lines = "".join(f"{sha256(file)}  {file.name}\n" for file in (one, other))
    assert digest_of(tmp_path) == hashlib.sha256(lines.encode()).hexdigest()


def test_a_repository_of_weights_is_for_the_families_that_know_its_layout() -> None:
    assert check("timm:resnet50", "hf-hub:org/name@rev").frames == 1
    assert check("open_clip:ViT-B-32", "hf-hub:org/name").frames == 1
    with pytest.raises(ModelError, match=r'weights = "hf-hub:org/name": only for open_clip and timm'):
        check("torchvision:r3d_18", "hf-hub:org/name")
