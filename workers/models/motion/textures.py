"""Grey textures without pictures: three families to train on, three others that are held out.

None is a plain grating: of stripes, only the movement across them can be seen (the aperture problem).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]  # (H, W) grey, 0..1
Texture = Callable[[int, np.random.Generator], Plane]  # side in pixels -> (side, side)


def _stretched(plane: npt.NDArray[np.floating]) -> Plane:
    low, high = np.quantile(plane, (0.01, 0.99))
    stretched: Plane = ((plane - low) / max(high - low, 1e-6)).clip(0, 1).astype(np.float32)
    return stretched


def _grid(side: int) -> tuple[Plane, Plane]:
    y, x = np.mgrid[:side, :side].astype(np.float32)
    return y, x


def _fractal(side: int, rng: np.random.Generator, slope: float) -> Plane:
    """Noise whose amplitude falls as frequency ** -slope: clouds at 1.8, sand at 0.8."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal((side, side))) * frequency**-slope
    return _stretched(np.fft.irfft2(spectrum, s=(side, side)))


def clouds(side: int, rng: np.random.Generator) -> Plane:
    return _fractal(side, rng, rng.uniform(0.8, 1.8))


def cells(side: int, rng: np.random.Generator) -> Plane:
    """A Voronoi mosaic of grey cells."""
    seeds = rng.uniform(0, side, (int(rng.integers(30, 150)), 2)).astype(np.float32)
    y, x = _grid(side)
    nearest = np.zeros((side, side), dtype=np.int64)
    distance = np.full((side, side), np.inf, dtype=np.float32)
    for index, (cy, cx) in enumerate(seeds):
        d = (y - cy) ** 2 + (x - cx) ** 2
        closer = d < distance
        nearest[closer], distance[closer] = index, d[closer]
    return rng.random(len(seeds)).astype(np.float32)[nearest]


def leaves(side: int, rng: np.random.Generator) -> Plane:
    """Dead leaves: discs of every size that cover one another, as things in a scene do."""
    plane = np.full((side, side), 0.5, dtype=np.float32)
    y, x = _grid(side)
    for _ in range(150):
        radius = side * 0.03 / rng.uniform(0.1, 1.0)
        plane[(y - rng.uniform(0, side)) ** 2 + (x - rng.uniform(0, side)) ** 2 < radius**2] = rng.random()
    return plane


def marble(side: int, rng: np.random.Generator) -> Plane:
    """Veins: a sine of one cloud over another, so that its lines run in all directions."""
    a, b = _fractal(side, rng, 1.8), _fractal(side, rng, 1.2)
    return _stretched(np.sin(rng.uniform(12, 25) * a + 3 * b))


def wavelets(side: int, rng: np.random.Generator) -> Plane:
    """Gabor noise (Lagae et al. 2009): short waves of random direction, strewn about."""
    y, x = _grid(side)
    plane = np.zeros((side, side), dtype=np.float32)
    for _ in range(120):
        dy, dx, angle = y - rng.uniform(0, side), x - rng.uniform(0, side), rng.uniform(0, np.pi)
        wave = np.cos(2 * np.pi * (dx * np.cos(angle) + dy * np.sin(angle)) / rng.uniform(8, 24))
        plane += wave * np.exp(-(dx**2 + dy**2) / (2 * rng.uniform(6, 14) ** 2))
    return _stretched(plane)


def sticks(side: int, rng: np.random.Generator) -> Plane:
    """Short bars of random direction and grey on a slow gradient."""
    y, x = _grid(side)
    plane = _fractal(side, rng, 2.0) * 0.5 + 0.25
    for _ in range(90):
        dy, dx, angle = y - rng.uniform(0, side), x - rng.uniform(0, side), rng.uniform(0, np.pi)
        along, across = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        plane[(np.abs(along) < rng.uniform(6, 25)) & (np.abs(across) < rng.uniform(1.5, 4))] = rng.random()
    return plane.astype(np.float32)


TRAINING_TEXTURES: tuple[Texture, ...] = (clouds, cells, leaves)
HELD_OUT_TEXTURES: tuple[Texture, ...] = (marble, wavelets, sticks)
