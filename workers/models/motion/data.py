"""Clips for `motion`, made from still pictures and calm real clips by moving a synthetic camera over them.

What the classes mean. "Over the clip" is over its 16 frames, whatever time they span; lengths are in
half heights of the picture. The first name in this order that fits is the label:

    cut         another view from one frame to the next, once, between frames 3 and 12
    freeze      movement that stops: every frame from one of 4 to 11 on is an exact copy of it
    flicker     brightness goes up and down at least three times; amplitude 8 to 50 %
    shake       the camera jolts to and fro, 0.035 to 0.16 rms, and ends where it began
    pan, tilt   the camera turns that way, 0.25 to 3 (2.5 for tilts). In a pan left the content moves right
    zoom        the picture grows (in) or shrinks (out), by 1.22 to 3 times
    turn        the picture turns as seen by the viewer, 12 to 110 degrees
    crossing    a thing 0.2 to 1.6 high crosses at least 80 % of a still picture, in the named direction
    still       none of these. Sensor noise lives on, the camera trembles and drifts by at most 0.03, light
                may change slowly, a thing smaller than 0.3 may move by at most 0.3
                (and does so in most other classes too)

Everything is drawn from one numpy generator, so a seed names the clips.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from torch import Tensor

from workers.models.motion.degrade import compressed, developed
from workers.models.motion.network import CLASSES, FRAMES
from workers.models.motion.pictures import Pool
from workers.models.motion.render import Plan, Thing, render

Line = npt.NDArray[np.float64]  # (FRAMES,) one value per frame
TIME: Line = np.linspace(0, 1, FRAMES)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Log-uniform: slow and fast, small and large are equally often seen."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def progress(rng: np.random.Generator) -> Line:
    """0 to 1 over the clip, never slower than 0.3 nor faster than 1.7 times the mean."""
    ease, lean = rng.uniform(-0.35, 0.35, 2)
    line: Line = TIME + ease * np.sin(2 * np.pi * TIME) / (2 * np.pi) + lean * (TIME**2 - TIME)
    return line


def _still(_plan: Plan, _rng: np.random.Generator) -> None:
    """Only what every clip has: noise and tremor."""


def _slide(axis: int, sign: int, plan: Plan, rng: np.random.Generator) -> None:
    """Pan (axis 0) or tilt (axis 1); up to a fifth of it sideways."""
    travel = sign * between(rng, 0.25, (3.0, 2.5)[axis]) * progress(rng)
    plan.shift[:, axis] += travel
    plan.shift[:, 1 - axis] += travel * rng.uniform(-0.2, 0.2)


def _zoom(sign: int, plan: Plan, rng: np.random.Generator) -> None:
    plan.log_zoom += sign * between(rng, 0.2, 1.1) * (progress(rng) - 0.5)
    plan.shift += rng.uniform(-0.1, 0.1, 2) * TIME[:, None]


def _turn(sign: int, plan: Plan, rng: np.random.Generator) -> None:
    plan.angle += sign * np.deg2rad(between(rng, 12, 110)) * progress(rng) + rng.uniform(-0.2, 0.2)
    plan.shift += rng.uniform(-0.1, 0.1, 2) * TIME[:, None]


def _shake(plan: Plan, rng: np.random.Generator) -> None:
    jolts = rng.standard_normal((FRAMES, 3))
    jolts[1:] += rng.uniform(0, 0.6) * jolts[:-1]
    if rng.random() < 0.3:
        jolts = np.sin(2 * np.pi * (rng.uniform(2, 6, 3) * TIME[:, None] + rng.random(3)))
    jolts -= jolts[:1] + (jolts[-1:] - jolts[:1]) * TIME[:, None]
    jolts[:, rng.integers(2)] *= rng.uniform(0, 1)
    size = between(rng, 0.035, 0.16) / np.sqrt(np.square(jolts[:, :2]).sum(axis=1).mean())
    plan.shift += jolts[:, :2] * size
    plan.angle += jolts[:, 2] * size * rng.uniform(0, 0.5)


def _cross(sign: int, plan: Plan, rng: np.random.Generator) -> None:
    """Most of the way in at least 70 % of the time, bobbing a little."""
    start, end = rng.uniform(0, 0.15), rng.uniform(0.85, 1)
    reach = plan.aspect * rng.uniform(0.8, 1.25, 2)
    x = -reach[0] + reach.sum() * ((progress(rng) - start) / (end - start)).clip(0, 1)
    bob = rng.uniform(0, 0.04) * np.sin(2 * np.pi * rng.uniform(1, 4) * TIME)
    y = rng.uniform(-0.5, 0.6) + rng.uniform(-0.2, 0.2) * TIME + bob
    radii = rng.uniform(0.12, 0.5), between(rng, 0.1, 0.8)
    plan.thing = _thing(np.stack([sign * x, y], axis=1), radii, plan, rng)


def _flicker(plan: Plan, rng: np.random.Generator) -> None:
    if rng.random() < 0.3:
        CAMERA_MOVES[rng.integers(len(CAMERA_MOVES))](plan, rng)
    wave = np.sin(2 * np.pi * (TIME * rng.uniform(3, 6.5) + rng.random()))
    if rng.random() < 0.6:
        wave = np.sign(wave) if rng.random() < 0.5 else rng.permutation(np.repeat([-1.0, 0.0, 1.0, 1.0], 4))
    plan.gain *= 1 + between(rng, 0.08, 0.5) * wave


def _freeze(plan: Plan, rng: np.random.Generator) -> None:
    FREEZABLE[rng.integers(len(FREEZABLE))](plan, rng)
    plan.order = np.minimum(plan.order, rng.integers(4, 12))


def _cut(plan: Plan, rng: np.random.Generator) -> None:
    if rng.random() < 0.5:
        CAMERA_MOVES[rng.integers(len(CAMERA_MOVES))](plan, rng)
    other, at = Plan.of(plan.pool, plan.aspect, rng), rng.integers(3, 13)
    plan.source[at:] = other.source[at:]
    plan.centre[at:] = other.centre[at:]
    plan.extent[at:] = other.extent[at:]
    plan.gain[at:] *= rng.uniform(0.8, 1.2)


Move = Callable[[Plan, np.random.Generator], None]
MOVES: dict[str, Move] = {
    "still": _still,
    "pan left": partial(_slide, 0, -1),
    "pan right": partial(_slide, 0, 1),
    "tilt up": partial(_slide, 1, -1),
    "tilt down": partial(_slide, 1, 1),
    "zoom in": partial(_zoom, 1),
    "zoom out": partial(_zoom, -1),
    "turn clockwise": partial(_turn, 1),
    "turn counter-clockwise": partial(_turn, -1),
    "shake": _shake,
    "cut": _cut,
    "freeze": _freeze,
    "object crossing to the left": partial(_cross, -1),
    "object crossing to the right": partial(_cross, 1),
    "flicker": _flicker,
}
CAMERA_MOVES: tuple[Move, ...] = tuple(MOVES[name] for name in CLASSES[1:9])
FREEZABLE: tuple[Move, ...] = (*CAMERA_MOVES, _shake)


def _thing(path: Line, radii: tuple[float, float], plan: Plan, rng: np.random.Generator) -> Thing:
    wobble = 1 + rng.uniform(0, 0.2) * np.sin(2 * np.pi * (rng.uniform(1, 5) * TIME + rng.random()))
    return Thing(
        path=path,
        radii=np.array(radii) * np.stack([wobble, np.ones(FRAMES)], axis=1),
        boxiness=rng.random(),
        source=int(plan.pool.first[rng.integers(len(plan.pool.first))]),
        centre=rng.uniform(-0.5, 0.5, 2),
        extent=rng.uniform(0.3, 0.7),
        light=float(rng.choice([-1, 1]) * rng.uniform(0.1, 0.45)),
    )


def _small_thing(plan: Plan, rng: np.random.Generator) -> Thing:
    start = rng.uniform(-0.9, 0.9, 2) * (plan.aspect, 1)
    path = start + rng.uniform(-0.2, 0.2, 2) * progress(rng)[:, None]
    path += rng.uniform(0, 0.05, 2) * np.sin(2 * np.pi * rng.uniform(1, 4) * TIME)[:, None]
    return _thing(path, (rng.uniform(0.05, 0.15), rng.uniform(0.05, 0.15)), plan, rng)


def _stuttered(order: npt.NDArray[np.int64], distinct: int) -> npt.NDArray[np.int64]:
    """What a window holds when its source gave only `distinct` frames: the nearest, shown again."""
    return order[(np.arange(FRAMES) * distinct // FRAMES) * FRAMES // distinct]


def plan_clip(name: str, pool: Pool, rng: np.random.Generator) -> Plan:
    """One clip of the class `name`, with the tremor, light and small things that a name does not exclude."""
    plan = Plan.of(pool, rng.uniform(1.0, 2.0), rng)
    plan.shift += rng.uniform(0, 0.01) * rng.standard_normal((FRAMES, 2))
    plan.shift += rng.uniform(-0.02, 0.02, 2) * TIME[:, None]
    plan.gain *= 1 + rng.uniform(-0.3, 0.3) * TIME + rng.uniform(0, 0.01) * rng.standard_normal(FRAMES)
    MOVES[name](plan, rng)
    if plan.thing is None and rng.random() < 0.25:
        plan.thing = _small_thing(plan, rng)
    if name != "flicker" and rng.random() < 0.2:
        plan.order = _stuttered(plan.order, int(rng.integers(8, FRAMES)))
    return plan


def synthesise(pool: Pool, labels: npt.NDArray[np.int64], rng: np.random.Generator) -> Tensor:
    """(N, FRAMES, *SIZE) uint8 grey: clip n is of class CLASSES[labels[n]]."""
    plans = [plan_clip(CLASSES[label], pool, rng) for label in labels]
    lit = developed(render(plans), plans, rng)
    return compressed(lit, rng)
