"""From pictures as they come to what a network was trained on, in batches, on the device, from uint8."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stream.frames import Pixels

Size = tuple[int, int]  # (height, width)


class Fit(StrEnum):
    """How a picture is brought to `Recipe.resize` before the middle is cut out."""

    SHORTER = (
        "shorter"  # shorter side to it, the longer in proportion rounded down: torchvision's Resize(int)
    )
    COVER = "cover"  # as small as covers it, sides rounded: timm's ResizeKeepRatio
    CONTAIN = "contain"  # as large as fits into it, sides rounded; then padded: ResizeKeepRatio(longest=1)
    SQUASH = "squash"  # to exactly it, whatever the shape


_FITTED = {"crop": (Fit.SHORTER, Fit.COVER), "squash": (Fit.SQUASH,), "pad": (Fit.CONTAIN,)}  # as configured


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model's own preprocessing. Two that are equal make equal inputs; `repr` names one."""

    resize: Size
    crop: Size  # cut from the middle, padded with `fill` where the picture is smaller
    mean: tuple[float, float, float]  # of channels between 0 and 1
    std: tuple[float, float, float]
    fit: Fit = Fit.SHORTER
    interpolation: str = "bicubic"  # or bilinear
    antialias: bool = True  # PIL always does
    fill: tuple[int, int, int] = (0, 0, 0)
    crop_down: bool = False  # drops a half pixel of the crop's place, as transformers does

    def resized(self, height: int, width: int) -> Size:
        """The size of a (height, width) picture before the crop."""
        if self.fit is Fit.SQUASH:
            return self.resize
        if self.fit is Fit.SHORTER:
            side, shorter = self.resize[0], min(height, width)
            return int(side * height / shorter), int(side * width / shorter)
        ratios = height / self.resize[0], width / self.resize[1]
        ratio = min(ratios) if self.fit is Fit.COVER else max(ratios)
        return round(height / ratio), round(width / ratio)

    def fitted(self, wanted: str) -> Recipe:
        """With `crop`, `squash` or `pad` in place of the model's own way; its own if that is one of these.

        `crop` keeps its scale; `squash` and `pad` show the whole picture in the size of the crop, padded with
        the mean colour, which the network sees as zeros.
        """
        if not wanted or self.fit in _FITTED[wanted]:
            return self
        if wanted == "crop":
            return replace(self, fit=Fit.COVER)
        if wanted == "squash":
            return replace(self, resize=self.crop, fit=Fit.SQUASH)
        red, green, blue = (round(255 * mean) for mean in self.mean)
        return replace(self, resize=self.crop, fit=Fit.CONTAIN, fill=(red, green, blue))

    @property
    def short_side(self) -> int:
        """Pixels: a picture whose shorter side has this many loses nothing by having no more."""
        return max(self.resize)


def prepare(pictures: Sequence[Pixels], recipe: Recipe, device: torch.device) -> Tensor:
    """(N, 3, H, W) uint8 on the device, channels last, in order. Pictures of one size share their work."""
    by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, picture in enumerate(pictures):
        by_shape[picture.shape].append(index)
    height, width = recipe.crop
    cut = torch.empty((len(pictures), height, width, 3), dtype=torch.uint8, device=device).permute(0, 3, 1, 2)
    for indices in by_shape.values():
        stack = torch.from_numpy(np.stack([pictures[index] for index in indices])).to(device)
        resized = _resize(stack.permute(0, 3, 1, 2), recipe)
        cut[torch.tensor(indices, device=device)] = _crop(resized, recipe)
    return cut


def normalise(pixels: Tensor, recipe: Recipe, dtype: torch.dtype) -> Tensor:
    """(N, 3, H, W) uint8 to (x / 255 - mean) / std."""
    mean = torch.tensor(recipe.mean, device=pixels.device).view(3, 1, 1)
    std = torch.tensor(recipe.std, device=pixels.device).view(3, 1, 1)
    return pixels.float().div_(255).sub_(mean).div_(std).to(dtype)


def _resize(pictures: Tensor, recipe: Recipe) -> Tensor:
    """Of antialiased ones, to within one grey level of PIL, which rounds between its two passes."""
    height, width = recipe.resized(pictures.shape[-2], pictures.shape[-1])
    if (height, width) == pictures.shape[-2:]:
        return pictures
    if not recipe.antialias:
        return _rounded(pictures, (height, width), recipe)
    if pictures.device.type == "cpu":  # its kernel for uint8 does as PIL, fifty times faster than for float
        return _interpolate(pictures, (height, width), recipe)
    return _rounded(_rounded(pictures, (pictures.shape[-2], width), recipe), (height, width), recipe)


def _rounded(pictures: Tensor, size: Size, recipe: Recipe) -> Tensor:
    return _interpolate(pictures.float(), size, recipe).round_().clamp_(0, 255).to(torch.uint8)


def _interpolate(pictures: Tensor, size: Size, recipe: Recipe) -> Tensor:
    return functional.interpolate(pictures, size, mode=recipe.interpolation, antialias=recipe.antialias)


def _crop(pictures: Tensor, recipe: Recipe) -> Tensor:
    """The middle, where PIL's users put it: a half pixel is rounded to the even side."""
    pictures = _pad(pictures, recipe)
    height, width = recipe.crop
    place = int if recipe.crop_down else round
    top = place((pictures.shape[-2] - height) / 2)
    left = place((pictures.shape[-1] - width) / 2)
    return pictures[..., top : top + height, left : left + width]


def _pad(pictures: Tensor, recipe: Recipe) -> Tensor:
    """At least as large as the crop; the odd row or column goes to the bottom or right."""
    count, _, height, width = pictures.shape
    full = max(height, recipe.crop[0]), max(width, recipe.crop[1])
    if full == (height, width):
        return pictures
    top, left = (full[0] - height) // 2, (full[1] - width) // 2
    canvas = torch.tensor(recipe.fill, dtype=torch.uint8, device=pictures.device).view(1, 3, 1, 1)
    canvas = canvas.repeat(count, 1, *full)
    canvas[..., top : top + height, left : left + width] = pictures
    return canvas
