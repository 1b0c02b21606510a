"""The demo from start to end: cameras, Valkey, the normal pipeline, and one more reader of its records."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from stream.config import CameraConfig, Config, EmbedderConfig, RedisConfig, WindowConfig
from stream.embedded import EmbeddedServer
from workers.demo import table
from workers.demo.board import Board
from workers.demo.consumer import Consumer
from workers.demo.screen import Plain, Screen, Terminal
from workers.demo.serving import cameras
from workers.service import serve, stopped_by_signals

SCENE = EmbedderConfig(
    name="scene",
    model="efficientnet_lite0",
    fps=2,
    windows=(WindowConfig(span_s=4, hop_s=1),),
    labels="classes",
)
ACTION = EmbedderConfig(
    name="action",
    model="motion",
    windows=(WindowConfig(span_s=2, hop_s=1),),
    labels="classes",
)


async def show(clips: Sequence[Path], seconds: float | None) -> None:
    """Ends when `seconds` have passed since the pipeline's start, or at a signal, with the summary."""
    stop = asyncio.Event()
    with TemporaryDirectory(prefix="livevec-demo-") as folder, stopped_by_signals(stop):
        typer.echo("starting Valkey ...")
        async with EmbeddedServer(Path(folder)) as valkey:
            typer.echo("starting cameras ...")
            async with cameras(clips) as urls:
                for camera, url in urls.items():
                    typer.echo(f"  {camera}: {url}")
                typer.echo(f"loading {SCENE.model} and {ACTION.model} ...")
                await _run(_configuration(valkey.url, urls), stop, seconds)


def _configuration(redis_url: str, urls: Mapping[str, str]) -> Config:
    return Config(
        redis=RedisConfig(url=redis_url),
        cameras=tuple(CameraConfig(id=camera, url=url) for camera, url in urls.items()),
        embedders=(SCENE, ACTION),
    )


async def _run(config: Config, stop: asyncio.Event, seconds: float | None) -> None:
    board = Board([camera.id for camera in config.cameras], [embedder.name for embedder in config.embedders])
    screen: Screen = Terminal(f"read from {config.redis.url}") if sys.stdout.isatty() else Plain()
    consumer = Consumer(config.redis, board)
    with screen.opened():
        async with aclosing(consumer), asyncio.TaskGroup() as tasks:
            beside = [consumer.follow_records(), consumer.follow_states()]
            beside += [_draw(screen, board), _end_after(seconds, consumer, stop)]
            running = [tasks.create_task(each) for each in beside]
            await serve(config, stop)
            await consumer.catch_up()
            for each in running:
                each.cancel()
    for line in table.summary(board):
        typer.echo(line)


async def _draw(screen: Screen, board: Board) -> None:
    """Ends only when cancelled."""
    while True:
        screen.draw(board)
        await asyncio.sleep(screen.every_s)


async def _end_after(seconds: float | None, consumer: Consumer, stop: asyncio.Event) -> None:
    await consumer.started.wait()
    if seconds is not None:
        await asyncio.sleep(seconds)
        stop.set()
