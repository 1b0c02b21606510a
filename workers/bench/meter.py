"""CPU time by stage."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class Stage(StrEnum):
    DECODE = "decode"
    SCALE = "scale"
    EMBED = "embed"
    PUBLISH = "publish"
    TOTAL = "total"


class Meter:
    """Sums the CPU seconds of each stage.

    `time.process_time` counts all threads: for stages that run one by one. `time.thread_time` counts the
    calling thread: for stages that each have a thread.
    """

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self.clock = clock
        self.cpu_s: dict[Stage, float] = defaultdict(float)

    @contextmanager
    def __call__(self, stage: Stage) -> Iterator[None]:
        began = self.clock()
        try:
            yield
        finally:
            self.cpu_s[stage] += self.clock() - began

    def rest_is(self, stage: Stage) -> None:
        """What of the total belongs to no other stage."""
        known = sum(cpu_s for its_stage, cpu_s in self.cpu_s.items() if its_stage is not Stage.TOTAL)
        self.cpu_s[stage] += self.cpu_s[Stage.TOTAL] - known
