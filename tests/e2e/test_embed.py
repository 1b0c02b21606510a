"""`livevec embed` on real clips with real weights, as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import timm
import torch
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform

from stream.config import RedisConfig
from stream.connection import connect
from stream.embedded import EmbeddedServer
from stream.frames import Pixels
from tests.media import clip
from tests.models.reference import Reference, pooled, through_pil
from tests.records import windows
from workers.models.efficientnet_lite0 import fetch
from workers.models.spec import Spec

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

FPS = 2
CONFIG = """
[[embedders]]
name = "scene"
model = "efficientnet_lite0"
windows = [{ span_s = 4, hop_s = 1 }]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "livevec.toml"
    path.write_text(CONFIG)
    return path


def embed(video: Path, config: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "workers", "embed", str(video), "--config", str(config), *arguments]
    environ = os.environ | {"XDG_STATE_HOME": str(config.parent)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def usual_frames(video: Path) -> Iterator[Pixels]:
    """Of every picture of the file, decoded, those from each half second's first on."""
    wanted = 0
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            if frame.time >= wanted / FPS:
                yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                wanted += 1


@pytest.fixture(scope="module")
def usual_network() -> Reference:
    net: Any = timm.create_model("tf_efficientnet_lite0").eval()
    stored = torch.load(fetch(Spec.parse("efficientnet_lite0", "auto")), weights_only=True)
    net.load_state_dict(dict(zip(net.state_dict(), stored.values(), strict=True)))
    net.reset_classifier(0)
    resolve: Any = resolve_model_data_config  # it ships no types
    own = resolve(net) | {"mean": (127 / 255,) * 3, "std": (128 / 255,) * 3}
    return through_pil(net, create_transform(**own, is_training=False))


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("carphone_pristine", 0.999),  # so small that the decoder leaves its pixels as they are
        ("bikes", 0.99),  # scaled once, in the decoder
    ],
)
def test_one_vector_of_a_whole_file_is_what_the_usual_script_gives(
    name: str, least: float, config: Path, tmp_path: Path, usual_network: Reference
) -> None:
    embed(clip(name), config, "--whole", "--output", str(tmp_path / "whole.npz"))
    whole = np.load(tmp_path / "whole.npz")
    frames = list(usual_frames(clip(name)))
    usual = pooled(usual_network(frames))
    assert whole["scene.frames"].tolist() == [len(frames)]
    cosine = float((whole["scene.vectors"] @ usual.T).item())
    print(f"{name}: cosine of --whole with the usual script {cosine:.6f}")  # noqa: T201
    assert cosine >= least


def test_the_npz_has_a_row_for_each_window_and_says_what_it_holds(config: Path, tmp_path: Path) -> None:
    assert "scene 9" in embed(clip("bikes"), config, "--output", str(tmp_path / "out.npz"))
    held = np.load(tmp_path / "out.npz")
    assert held["scene.vectors"].shape == (9, 1280)
    assert held["scene.vectors"].dtype == np.float32
    assert np.linalg.norm(held["scene.vectors"], axis=1) == pytest.approx(1, abs=1e-6)
    assert held["scene.end"].tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert (held["scene.end"] - held["scene.start"]).tolist() == [4] * 9
    assert held["scene.frames"].tolist() == [5, 7, 8, 8, 8, 8, 8, 8, 7]
    assert held["scene.coverage"] == pytest.approx(held["scene.frames"] / 8)
    meta = json.loads(str(held["meta"]))
    scene = meta["embedders"]["scene"]
    assert (meta["file"], scene["model"], scene["fps"]) == (str(clip("bikes")), "efficientnet_lite0", FPS)
    assert len(scene["space"]) == 12


def test_publishing_a_file_twice_makes_no_second_copy(config: Path) -> None:
    async def story() -> list[list[int]]:
        found = []
        async with EmbeddedServer(config.parent / "livevec") as server:
            for _ in range(2):
                said = await asyncio.to_thread(embed, clip("carphone_pristine"), config, "--redis")
                assert said.startswith("livevec:carphone_pristine:*: ")
                async with connect(RedisConfig(url=server.url)) as client:
                    found.append(await windows(client, "livevec:carphone_pristine:scene"))
        return found

    once, twice = asyncio.run(story())
    assert once == twice
    assert len(once) >= 3
