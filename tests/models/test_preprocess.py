"""Pictures reach the network as the libraries' own transforms would bring them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from timm.data.transforms import CenterCropOrPad, ResizeKeepRatio
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import InterpolationMode

from stream.frames import Pixels
from tests.models.clips import CLIPS, pictures
from workers.models.preprocess import Fit, Recipe, _rounded, normalise, prepare

CPU = torch.device("cpu")
HALF = (0.5, 0.5, 0.5)
PIL = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
sides = st.integers(min_value=16, max_value=700)


def recipe(fit: Fit, size: tuple[int, int] = (96, 96), interpolation: str = "bicubic") -> Recipe:
    return Recipe(resize=size, crop=size, mean=HALF, std=HALF, fit=fit, interpolation=interpolation)


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def as_picture(pixels: Tensor) -> Pixels:
    return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())


def differences(pixels: Tensor, image: Image.Image) -> npt.NDArray[np.int_]:
    """In grey levels."""
    difference: npt.NDArray[np.int_] = np.abs(as_picture(pixels).astype(int) - np.asarray(image).astype(int))
    return difference


def largest_difference(pixels: Tensor, image: Image.Image) -> int:
    return int(differences(pixels, image).max())


def mean_difference(pixels: Tensor, image: Image.Image) -> float:
    return float(differences(pixels, image).mean())


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("clip", CLIPS)
def test_shorter_side_and_middle_are_torchvisions_within_one_level(clip: str, interpolation: str) -> None:
    (picture,) = pictures(clip, 1)
    ours = prepare([picture], recipe(Fit.SHORTER, interpolation=interpolation), CPU)[0]
    resize = transforms.Resize(96, InterpolationMode(interpolation))
    theirs = transforms.CenterCrop(96)(resize(Image.fromarray(picture)))
    assert largest_difference(ours, theirs) <= 1


@pytest.mark.parametrize("clip", CLIPS)
def test_squash_is_pils_resize_within_one_level(clip: str) -> None:
    (picture,) = pictures(clip, 1)
    ours = prepare([picture], recipe(Fit.SQUASH, (64, 100)), CPU)[0]
    assert largest_difference(ours, Image.fromarray(picture).resize((100, 64), PIL["bicubic"])) <= 1


@pytest.mark.parametrize(("fit", "longest"), [(Fit.COVER, 0.0), (Fit.CONTAIN, 1.0)])
@given(height=sides, width=sides)
def test_cover_and_contain_are_timms(fit: Fit, longest: float, height: int, width: int) -> None:
    picture = noise(height, width)
    ours = prepare([picture], recipe(fit, (64, 80)), CPU)[0]
    resize: Any = ResizeKeepRatio
    resized = resize((64, 80), longest=longest, interpolation="bicubic")(Image.fromarray(picture))
    theirs = CenterCropOrPad([64, 80])(resized)
    assert mean_difference(ours, theirs) < 1  # on noise; one pixel's shift gives 80


@given(height=sides, width=sides)
def test_any_size_of_picture_gives_the_networks_size(height: int, width: int) -> None:
    for fit in Fit:
        assert prepare([noise(height, width)], recipe(fit, (48, 48)), CPU).shape == (1, 3, 48, 48)


@pytest.mark.parametrize("clip", CLIPS)
def test_two_passes_on_floats_as_on_cuda_are_pils_within_one_level(clip: str) -> None:
    (picture,) = pictures(clip, 1)
    pixels = torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0)
    wide = _rounded(pixels, (picture.shape[0], 150), recipe(Fit.SQUASH))
    ours = _rounded(wide, (100, 150), recipe(Fit.SQUASH))[0]
    assert largest_difference(ours, Image.fromarray(picture).resize((150, 100), PIL["bicubic"])) <= 1


def test_pictures_of_different_sizes_keep_their_order() -> None:
    mixed = [noise(96, 128), noise(200, 96), noise(96, 128), noise(96, 96)]
    together = prepare(mixed, recipe(Fit.SHORTER), CPU)
    for index, picture in enumerate(mixed):
        assert torch.equal(together[index], prepare([picture], recipe(Fit.SHORTER), CPU)[0])


def test_a_picture_of_the_right_size_is_left_as_it_is() -> None:
    picture = noise(96, 96)
    assert np.array_equal(as_picture(prepare([picture], recipe(Fit.SHORTER), CPU)[0]), picture)


def test_a_small_picture_stands_in_the_middle_of_the_fill() -> None:
    orange = Recipe(resize=(4, 4), crop=(8, 8), mean=HALF, std=HALF, fill=(255, 128, 0))
    padded = as_picture(prepare([np.full((4, 4, 3), 7, np.uint8)], orange, CPU)[0])
    assert (padded[2:6, 2:6] == 7).all()
    assert (padded[0] == (255, 128, 0)).all()
    assert (padded[:, 7] == (255, 128, 0)).all()


def test_normalise_is_torchvisions() -> None:
    wants = Recipe((8, 8), (8, 8), mean=(0.48, 0.45, 0.4), std=(0.26, 0.27, 0.28))
    picture = noise(8, 8)
    ours = normalise(prepare([picture], wants, CPU), wants, torch.float32)[0]
    theirs = transforms.Normalize(wants.mean, wants.std)(transforms.ToTensor()(picture))
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
