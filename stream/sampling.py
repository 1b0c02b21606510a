"""Which frames of a camera are due: at most one for each point of a grid of camera time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from stream.frames import US_PER_S

TOLERANCE_US = 1_000
"""A frame this little before a point counts as on it: some containers round to the millisecond."""


def exact_rate(fps: float) -> Fraction:
    """A rate as people write it (2, 0.5, 29.97), exactly, so that grid points do not drift. Above 0."""
    if fps < 1:  # a frame every so many seconds
        return 1 / Fraction(1 / fps).limit_denominator(1001)
    return Fraction(fps).limit_denominator(1001)


def grid_point(at_us: int, rate: Fraction) -> int:
    """The number of the last grid point (k / rate seconds) at or before a moment of camera time."""
    return (at_us * rate.numerator) // (rate.denominator * US_PER_S)


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """What the embedders of one camera need from its decoder."""

    rates: Mapping[str, Fraction]  # by embedder, frames a second
    short_side: int  # pixels; frames are scaled down, once, to this shorter side


class Sampler:
    """Takes for each grid point the first frame at or after it and before the next point.

    A camera slower than the grid gives each of its frames at most once; a point that no frame follows
    in time stays empty.
    """

    def __init__(self, rate: Fraction) -> None:
        self._rate = rate
        self._filled: int | None = None

    def take(self, at_us: int) -> bool:
        """Whether the frame at this camera time is due. Times must not run backwards."""
        point = grid_point(at_us + TOLERANCE_US, self._rate)
        if self._filled is not None and point <= self._filled:
            return False
        self._filled = point
        return True


class Samplers:
    """The samplers of all embedders of one camera."""

    def __init__(self, rates: Mapping[str, Fraction]) -> None:
        self._samplers = {embedder: Sampler(rate) for embedder, rate in rates.items()}

    def take(self, at_us: int) -> frozenset[str]:
        """The embedders for which this frame is due."""
        return frozenset([name for name, sampler in self._samplers.items() if sampler.take(at_us)])
