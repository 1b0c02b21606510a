"""What lies between a scene and a decoded frame: light, noise, repeated frames, overlays, compression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from workers.models.motion.codec import h264, jpeg
from workers.models.motion.network import FRAMES, SIZE
from workers.models.motion.render import Plan


def _uniform(rng: np.random.Generator, low: float, high: float, n: int) -> Tensor:
    """(n, 1, 1, 1)."""
    return torch.from_numpy(rng.uniform(low, high, (n, 1, 1, 1)).astype(np.float32))


def _lit(frames: Tensor, plans: Sequence[Plan], rng: np.random.Generator) -> Tensor:
    """Gamma, contrast and brightness per clip; the plan's light per frame; a slow slope of light."""
    n = len(plans)
    frames = frames.clamp(1e-3, 1) ** torch.exp(_uniform(rng, -0.5, 0.5, n))
    contrast = torch.exp(_uniform(rng, np.log(0.35), 0, n))
    frames = frames * contrast + (1 - contrast) * _uniform(rng, 0.2, 0.8, n)
    y, x = torch.meshgrid(torch.linspace(-1, 1, SIZE[0]), torch.linspace(-1, 1, SIZE[1]), indexing="ij")
    slope = _uniform(rng, -0.15, 0.15, n) * x + _uniform(rng, -0.15, 0.15, n) * y
    time = torch.linspace(0, 1, FRAMES)[:, None, None]
    gain = torch.from_numpy(np.stack([plan.gain for plan in plans])).float()[:, :, None, None]
    return frames * gain * (1 + slope * time)


def _noise(n: int, rng: np.random.Generator) -> Tensor:
    """(n, FRAMES, *SIZE): fine, or in grains of 2x2 pixels as after a sharpening or a coarse codec."""
    fine = torch.from_numpy(rng.standard_normal((n, FRAMES, *SIZE), dtype=np.float32))
    coarse = fine[..., ::2, ::2].repeat_interleave(2, -1).repeat_interleave(2, -2)
    grain = torch.from_numpy(rng.random((n, 1, 1, 1)) < 0.3)
    return torch.where(grain, coarse, fine) * torch.exp(_uniform(rng, np.log(0.001), np.log(0.035), n))


def _overlay(clip: Tensor, rng: np.random.Generator) -> None:
    """In place: black bars, or a box of text as cameras burn into the picture."""
    if rng.random() < 0.1:
        bar = int(rng.integers(2, 10))
        clip[:, :bar], clip[:, -bar:] = 0, 0
    if rng.random() < 0.15:
        height, width = int(rng.integers(3, 7)), int(rng.integers(10, 36))
        top = int(rng.choice([1, SIZE[0] - height - 1]))
        left = int(rng.integers(SIZE[1] - width))
        text = torch.from_numpy(rng.random((height, width), dtype=np.float32)).round()
        clip[:, top : top + height, left : left + width] = text


def developed(frames: Tensor, plans: Sequence[Plan], rng: np.random.Generator) -> Tensor:
    """(N, FRAMES, *SIZE) uint8 of rendered frames: lit, with noise, in the plan's order, with overlays.

    The noise comes before the order: a frame that is repeated is repeated with its noise.
    """
    frames = (_lit(frames, plans, rng) + _noise(len(plans), rng)).clamp(0, 1)
    for clip, plan in zip(frames, plans, strict=True):
        clip.copy_(clip[torch.from_numpy(plan.order)])
        _overlay(clip, rng)
    return (frames * 255).round().to(torch.uint8)


def compressed(clips: Tensor, rng: np.random.Generator) -> Tensor:
    """(N, FRAMES, *SIZE) uint8: a quarter of the clips through H.264, a fifth through JPEG, others as is."""
    for clip in clips.numpy():  # shares memory with `clips`
        kind = rng.random()
        if kind < 0.25:
            clip[:] = h264(clip, int(rng.integers(18, 34)))
        elif kind < 0.45:
            clip[:] = jpeg(clip, int(rng.integers(30, 95)))
    return clips
