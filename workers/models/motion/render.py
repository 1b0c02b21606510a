"""From a plan of a clip's movement to its frames: an affine view of a picture, and a thing before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from workers.models.motion.network import FRAMES, SIZE
from workers.models.motion.pictures import Pool

Lines = npt.NDArray[np.float64]  # (FRAMES, ...) values per frame

_FINE = 2  # frames are drawn this many times larger, then averaged: no aliasing


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """An object in front of the picture. Lengths in half heights of the picture, origin at its centre."""

    path: Lines  # (FRAMES, 2) x right, y down
    radii: Lines  # (FRAMES, 2)
    boxiness: float  # 0 an ellipse, 1 a box
    source: int  # the picture in the pool that is its skin
    centre: Lines  # (2,) of the skin, -1..1
    extent: float  # of the skin
    light: float  # brighter or darker than its skin, of 1


@dataclass(slots=True, eq=False)
class Plan:
    """What one clip shows, frame by frame. Lengths in half heights of the picture."""

    pool: Pool
    aspect: float  # width / height that is squashed into SIZE
    source: npt.NDArray[np.int64]  # (FRAMES,) picture in the pool
    centre: Lines  # (FRAMES, 2) of the view on the picture, -1..1
    extent: Lines  # (FRAMES,) half height of the view, of the picture's
    shift: Lines = field(default_factory=lambda: np.zeros((FRAMES, 2)))  # the camera's path, x right, y down
    log_zoom: Lines = field(default_factory=lambda: np.zeros(FRAMES))
    angle: Lines = field(default_factory=lambda: np.zeros(FRAMES))  # radians, the picture clockwise
    gain: Lines = field(default_factory=lambda: np.ones(FRAMES))  # light
    order: npt.NDArray[np.int64] = field(default_factory=lambda: np.arange(FRAMES))  # the frame shown at t
    thing: Thing | None = None

    @classmethod
    def of(cls, pool: Pool, aspect: float, rng: np.random.Generator) -> Plan:
        """A motionless view of a random entry of the pool."""
        entry = rng.integers(len(pool.first))
        return cls(
            pool=pool,
            aspect=aspect,
            source=pool.first[entry] + pool.step[entry] * np.arange(FRAMES),
            centre=np.tile(rng.uniform(-0.3, 0.3, 2), (FRAMES, 1)),
            extent=np.full(FRAMES, rng.uniform(0.33, 0.66)),
        )

    def views(self) -> Lines:
        """(FRAMES, 2, 3): from a place in the frame, -1..1, to one in the picture, -1..1."""
        scale = self.extent * np.exp(-self.log_zoom)
        cos, sin = np.cos(self.angle) * scale, np.sin(self.angle) * scale
        origin = self.centre + self.extent[:, None] * self.shift
        rows = [[cos * self.aspect, sin, origin[:, 0]], [-sin * self.aspect, cos, origin[:, 1]]]
        return np.array(rows).transpose(2, 0, 1)


def _sampled(pixels: Tensor, views: Tensor, fine: int) -> Tensor:
    """(K, *SIZE) of (K, BASE, BASE) uint8 seen through (K, 2, 3); beyond its edge a picture is mirrored."""
    height, width = SIZE[0] * fine, SIZE[1] * fine
    grid = functional.affine_grid(views, [len(views), 1, height, width], align_corners=False)
    picture = pixels.unsqueeze(1).float().div_(255)
    seen = functional.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)
    return functional.avg_pool2d(seen, fine).squeeze(1)


def _cover(frames: Tensor, plan: Plan, thing: Thing) -> Tensor:
    """(FRAMES, *SIZE) with the thing in front; its edge is soft over about a pixel."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, SIZE[0]), torch.linspace(-1, 1, SIZE[1]), indexing="ij")
    path, radii = torch.from_numpy(thing.path).float(), torch.from_numpy(thing.radii).float()
    dx = (x * plan.aspect - path[:, 0, None, None]) / radii[:, 0, None, None]
    dy = (y - path[:, 1, None, None]) / radii[:, 1, None, None]
    reach = torch.lerp(torch.hypot(dx, dy), torch.maximum(dx.abs(), dy.abs()), thing.boxiness)
    mask = ((1 - reach) * float(thing.radii.min()) * SIZE[0] / 2 + 0.5).clamp(0, 1)

    view = np.zeros((FRAMES, 2, 3))
    view[:, 0, 0], view[:, 1, 1] = thing.extent * plan.aspect, thing.extent
    view[:, :, 2] = thing.centre - thing.extent * thing.path
    skin = plan.pool.pixels[thing.source].expand(FRAMES, -1, -1)
    skin = (_sampled(skin, torch.from_numpy(view).float(), 1) * 0.7 + 0.15 + thing.light).clamp(0, 1)
    return torch.lerp(frames, skin, mask)


def _frames(plan: Plan) -> Tensor:
    """(FRAMES, *SIZE) of one plan; by the clip, because larger buffers are slower than the sampling."""
    pixels, views = plan.pool.pixels[torch.from_numpy(plan.source)], torch.from_numpy(plan.views()).float()
    frames = _sampled(pixels, views, _FINE)
    return frames if plan.thing is None else _cover(frames, plan, plan.thing)


def render(plans: Sequence[Plan]) -> Tensor:
    """(N, FRAMES, *SIZE) float32, 0..1; without light, noise and repetition."""
    return torch.stack([_frames(plan) for plan in plans])
