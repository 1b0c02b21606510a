"""Trains `motion` from a seed: `python -m workers.models.motion.train --output DIR`.

Writes DIR/motion.safetensors and DIR/card.md. About half an hour on one core. The same seed, thread count,
machine and torch give the same weights; others give weights as good, not equal to the last bit.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from rich.console import Console
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from workers.models.motion import card, pictures
from workers.models.motion.data import synthesise
from workers.models.motion.evaluate import Confusion, confusion
from workers.models.motion.network import CLASSES, MotionNet, standardise


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides the weights."""

    seed: int
    steps: int
    threads: int
    batch: int = 32
    peak_rate: float = 3e-3
    decay: float = 0.02
    smoothing: float = 0.05


def batches(
    pool: pictures.Pool, settings: Settings, rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """`steps` batches of fresh clips, of all classes alike."""
    for _ in range(settings.steps):
        labels = rng.integers(len(CLASSES), size=settings.batch)
        yield standardise(synthesise(pool, labels, rng)), torch.from_numpy(labels)


def train(settings: Settings, console: Console) -> MotionNet:
    """The network in evaluation mode, after one pass over clips of which none is seen twice."""
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    pool = pictures.training_pool(rng)
    net = MotionNet().to(memory_format=torch.channels_last_3d)
    optimizer = torch.optim.AdamW(net.parameters(), lr=settings.peak_rate, weight_decay=settings.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.peak_rate, settings.steps, pct_start=0.1
    )
    started, right = monotonic(), 0.0
    for step, (clips, labels) in enumerate(batches(pool, settings, rng), start=1):
        logits = net(clips.contiguous(memory_format=torch.channels_last_3d))
        loss = functional.cross_entropy(logits, labels, label_smoothing=settings.smoothing)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # in torch 2.14
        optimizer.step()
        schedule.step()
        with torch.no_grad():  # rows of the head stay unit: they are compared with unit embeddings
            net.head.weight.copy_(functional.normalize(net.head.weight, dim=1))
        right += (logits.argmax(dim=1) == labels).float().mean().item()
        if step % 50 == 0:
            seconds = monotonic() - started
            console.print(f"step {step:5d}  {seconds:5.0f} s  loss {loss.item():.3f}  right {right / 50:.3f}")
            right = 0.0
    return net.to(memory_format=torch.contiguous_format).eval()


def centre(net: MotionNet, seed: int) -> None:
    """Takes out of the embeddings, in place, what they have in common and what tells no class from another.

    The loss sees only differences between logits, so nothing kept training from adding one vector to all
    embeddings; it would make opposite pans look alike. The direction removed is that of the mean embedding,
    less its part in the span of the rows' differences: all rows have the same share of it, so the order of
    the logits is exactly as before.
    """
    rng = np.random.default_rng(seed + 2)
    labels = np.tile(np.arange(len(CLASSES)), 20)
    with torch.no_grad():
        mean = net.features(standardise(synthesise(pictures.training_pool(rng), labels, rng))).mean(dim=0)
        rows = net.head.weight
        contrasts = torch.linalg.qr((rows[1:] - rows[0]).T).Q
        common = functional.normalize(mean - contrasts @ (contrasts.T @ mean), dim=0)
        net.project.weight.sub_(torch.outer(common, common @ net.project.weight))
        net.project.bias.sub_(common * (common @ net.project.bias))
        rows.copy_(functional.normalize(rows - torch.outer(rows @ common, common), dim=1))


def evaluated(net: MotionNet, seed: int, per_class: int) -> dict[str, Confusion]:
    """On the three held-out kinds of sources, from a seed that training did not use."""
    rng = np.random.default_rng(seed + 1)
    pools = {
        "held-out images": pictures.held_out_images(rng),
        "held-out textures": pictures.held_out_textures(rng),
        "held-out real clips": pictures.held_out_clips(rng),
    }
    return {name: confusion(net, pool, per_class, rng) for name, pool in pools.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the motion model.")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clips-per-class", type=int, default=60, help="of each held-out kind")
    options = parser.parse_args()

    console = Console(highlight=False, soft_wrap=True)
    torch.set_num_threads(options.threads)
    settings = Settings(options.seed, options.steps, options.threads)
    started = monotonic()
    net = train(settings, console)
    centre(net, options.seed)
    minutes = (monotonic() - started) / 60
    options.output.mkdir(parents=True, exist_ok=True)
    save_file(net.state_dict(), options.output / "motion.safetensors")
    results = evaluated(net, options.seed, options.clips_per_class)
    for name, result in results.items():
        console.print(f"\n{name}: accuracy {result.accuracy:.3f}\n{result}")
    clips = settings.steps * settings.batch
    run = f"{clips} clips, seed {settings.seed}, {settings.threads} thread(s), {minutes:.0f} minutes"
    (options.output / "card.md").write_text(card.written(net, run, results))


if __name__ == "__main__":
    main()
