"""What was measured, as numbers, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self

from rich import box
from rich.table import Table

from workers.bench.meter import Stage
from workers.bench.workload import FPS, WINDOW, Workload

WAYS = {"alone": "alone", "pipeline": "in the pipeline", "naive": "the naive way"}


@dataclass(frozen=True, slots=True)
class Round:
    """Every way, once."""

    cost: Mapping[str, Mapping[Stage, float]]  # by way and stage, CPU seconds per second of video
    sampled: int  # frames
    forwards: int  # pictures through the model, our way
    naive_forwards: int
    windows: int
    least_cosine: float  # of our vector with the naive way's, over all windows

    @property
    def ratio(self) -> float:
        """How many times more the naive way costs."""
        return self.cost["naive"][Stage.TOTAL] / self.cost["pipeline"][Stage.TOTAL]


@dataclass(frozen=True, slots=True)
class Spread:
    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> Self:
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.4f} ({self.least:.3f}-{self.most:.3f})"


@dataclass(frozen=True, slots=True)
class Report:
    """All rounds over one workload."""

    work: Workload
    rounds: list[Round]

    def cost(self, way: str, stage: Stage) -> Spread:
        """CPU seconds per second of video."""
        return Spread.of([each.cost[way][stage] for each in self.rounds])

    @property
    def ratio(self) -> Spread:
        return Spread.of([each.ratio for each in self.rounds])

    def fields(self) -> dict[str, Any]:
        """As JSON takes it."""
        info, card = self.work.file.info, self.work.model.card
        costs = {way: {stage: asdict(self.cost(way, stage)) for stage in Stage} for way in WAYS}
        return {
            "video": {**asdict(info), "duration_s": self.work.file.duration_s},
            "model": card.model,
            "weights": card.weights,
            "fps": FPS,
            "span_s": WINDOW.span_s,
            "hop_s": WINDOW.hop_s,
            "cpu_s_per_video_s": costs,
            "ratio": asdict(self.ratio),
            "rounds": [asdict(each) for each in self.rounds],
        }

    def table(self) -> Table:
        drawn = Table(box=box.SIMPLE_HEAD, title="CPU seconds per second of video: median (least-most)")
        drawn.add_column("stage")
        for title in WAYS.values():
            drawn.add_column(title, justify="right")
        for stage in Stage:
            drawn.add_row(stage, *(str(self.cost(way, stage)) for way in WAYS))
        return drawn

    def heading(self) -> Iterator[str]:
        info, card = self.work.file.info, self.work.model.card
        size = f"{info.width}x{info.height}, {info.fps or 0:g} fps, {self.work.file.duration_s:g} s"
        yield f"video: {info.codec} {size}"
        yield f"model: {card.model}, weights {card.weights}; torch on one thread, to know its CPU time"
        yield f"windows: {FPS} fps, span {WINDOW.span_s:g} s, hop {WINDOW.hop_s:g} s"

    def findings(self) -> Iterator[str]:
        last, ratio = self.rounds[-1], self.ratio
        yield "publish in the pipeline is all that its event loop does: lanes, rolling, pooling, Redis"
        yield f"frames: {last.sampled} sampled, {last.forwards} embedded; the naive way {last.naive_forwards}"
        yield f"windows: {last.windows}; least cosine with the naive way's: {last.least_cosine:.4f}"
        yield f"the naive way costs {ratio.median:.1f} times as much ({ratio.least:.1f}-{ratio.most:.1f})"
