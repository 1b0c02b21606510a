"""Sliding windows over camera time. Pure: samples go in, windows that are complete come out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from stream.config import WindowConfig
from stream.frames import US_PER_S
from stream.sampling import TOLERANCE_US, grid_point

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Window(Generic[T]):
    """A span `(start, end]` of camera time and the samples in it."""

    scale: WindowConfig
    number: int  # hops from the session's first window
    start_us: int
    end_us: int
    expected: int  # grid points in it
    samples: tuple[T, ...]


class Singles(Generic[T]):
    """Each sample as a window of its own, from one step of the grid before it; numbers count samples."""

    def __init__(self, step: WindowConfig) -> None:
        self._step = step
        self._step_us = round(step.span_s * US_PER_S)
        self.passed = 0

    def push(self, at_us: int, sample: T) -> list[Window[T]]:
        number, self.passed = self.passed, self.passed + 1
        return [Window(self._step, number, at_us - self._step_us, at_us, 1, (sample,))]

    def finish(self) -> list[Window[T]]:
        return []


class Windows(Generic[T]):
    """The windows of one scale in one session.

    Their ends fall on multiples of the hop. Window 0 is the first to end at or after the first sample. A
    window without any sample is passed over, but it is counted and takes its number.
    """

    def __init__(self, scale: WindowConfig, rate: Fraction) -> None:
        self._scale = scale
        self._rate = rate
        self._span_us = round(scale.span_s * US_PER_S)
        self._hop_us = max(round(scale.hop_s * US_PER_S), 1)
        self._samples: deque[tuple[int, T]] = deque()
        self._last_us: int | None = None
        self._next_end_us = 0
        self.passed = 0  # windows whose end has gone by, with samples or without

    def push(self, at_us: int, sample: T) -> list[Window[T]]:
        """The windows that this sample completes, in order. Camera time must grow from sample to sample."""
        if self._last_us is None:
            self._next_end_us = self._end_at_or_after(at_us)
        elif at_us <= self._last_us:
            raise ValueError(f"camera time ran back from {self._last_us} to {at_us} µs within a session")
        complete = self._close(at_us - 1)
        self._skip_empty(at_us)
        self._samples.append((at_us, sample))
        self._last_us = at_us
        return complete + self._close(max(at_us, self._next_sample_us(at_us) - 1))

    def finish(self) -> list[Window[T]]:
        """At the end of a file: the window that was under way, if it holds a sample that no other did."""
        if self._last_us is None or self._next_end_us - self._hop_us >= self._last_us:
            return []
        return self._close(self._next_end_us)

    def _close(self, until_us: int) -> list[Window[T]]:
        """Every window that ends at or before `until_us`."""
        complete = []
        while self._next_end_us <= until_us and self._samples:
            window = self._window(self._next_end_us)
            if window.samples:
                complete.append(window)
            self._next_end_us += self._hop_us
            self.passed += 1
            self._forget(self._next_end_us - self._span_us)
        return complete

    def _window(self, end_us: int) -> Window[T]:
        start_us = end_us - self._span_us
        return Window(
            scale=self._scale,
            number=self.passed,
            start_us=start_us,
            end_us=end_us,
            expected=max(grid_point(end_us, self._rate) - grid_point(start_us, self._rate), 1),
            samples=tuple(sample for at_us, sample in self._samples if start_us < at_us <= end_us),
        )

    def _skip_empty(self, at_us: int) -> None:
        """Pass over the windows of a gap in one step, however long it was."""
        end_us = self._end_at_or_after(at_us)
        if end_us > self._next_end_us:
            self.passed += (end_us - self._next_end_us) // self._hop_us
            self._next_end_us = end_us
        self._forget(self._next_end_us - self._span_us)

    def _forget(self, start_us: int) -> None:
        while self._samples and self._samples[0][0] <= start_us:
            self._samples.popleft()

    def _end_at_or_after(self, at_us: int) -> int:
        return -(-at_us // self._hop_us) * self._hop_us

    def _next_sample_us(self, at_us: int) -> int:
        """No sample can come before this moment: the next grid point, less the tolerance."""
        point = grid_point(at_us + TOLERANCE_US, self._rate) + 1
        return int(point * US_PER_S / self._rate) - TOLERANCE_US
