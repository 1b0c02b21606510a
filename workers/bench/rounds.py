"""All ways in turn, over the same file, again and again."""

from __future__ import annotations

import time
from pathlib import Path

import torch
import typer

from stream.config import RedisConfig
from stream.embedded import EmbeddedServer
from workers.bench import alone, naive, ours
from workers.bench.meter import Meter, Stage
from workers.bench.report import Report, Round
from workers.bench.workload import File, Workload, prepare
from workers.models.spec import Spec


async def measure(file: File, spec: Spec, rounds: int, folder: Path) -> Report:
    """Valkey's data goes to the folder. Raises ModelError, NotExact, RedisError."""
    torch.set_num_threads(1)
    work = prepare(file, spec)
    library = naive.library(work)
    measured = []
    async with EmbeddedServer(folder) as valkey:
        for number in range(1, rounds + 1):
            typer.echo(f"round {number} of {rounds} ...")
            measured.append(await _round(work, library, valkey.url, number))
    return Report(work, measured)


async def _round(work: Workload, library: naive.Library, redis_url: str, number: int) -> Round:
    """Each way once, so that what changes about the machine changes for all of them."""
    now = time.time  # noqa: TID251 - here is where `now` comes from
    by_itself = Meter()
    frames = alone.decode_and_scale(work, by_itself)
    alone.embed(work, frames, by_itself)
    pipeline = await ours.run(work, RedisConfig(url=redis_url, prefix=f"pipeline-{number}"), now)
    await alone.publish(
        pipeline.windows, RedisConfig(url=redis_url, prefix=f"alone-{number}"), by_itself, now
    )
    by_itself.cpu_s[Stage.TOTAL] += by_itself.cpu_s[Stage.EMBED] + by_itself.cpu_s[Stage.PUBLISH]
    cost_alone = {stage: cpu_s / work.file.duration_s for stage, cpu_s in by_itself.cpu_s.items()}
    theirs = await naive.run(work, library, RedisConfig(url=redis_url, prefix=f"naive-{number}"))
    return Round(
        cost={"alone": cost_alone, "pipeline": pipeline.cost, "naive": theirs.cost},
        sampled=pipeline.sampled,
        forwards=pipeline.forwards,
        naive_forwards=theirs.forwards,
        windows=len(pipeline.windows),
        least_cosine=least_cosine(pipeline, theirs),
    )


def least_cosine(pipeline: ours.Outcome, theirs: naive.Outcome) -> float:
    """Over all windows. Raises NotExact where they are not the same windows."""
    if [window.window for window in pipeline.windows] != list(theirs.windows):
        raise ours.NotExact("the pipeline and the naive way made different windows")
    return min(float(window.vector @ theirs.windows[window.window]) for window in pipeline.windows)
