"""What is found out, and what is told, before anything is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream.config import CameraConfig, Config, EmbedderConfig, RedisConfig
from stream.errors import ConfigError
from stream.record import Kind
from workers.check import Planned, account, verify
from workers.models import Outline

IMAGES = Outline(Kind.FRAMES, frames=1, tag="made")
CLIPS = Outline(Kind.CLIP, frames=16, tag="made")


def embedder(windows: list[tuple[float, float]], **changes: Any) -> EmbedderConfig:
    scales = [{"span_s": span_s, "hop_s": hop_s} for span_s, hop_s in windows]
    return EmbedderConfig.model_validate({"name": "scene", "model": "m", "windows": scales} | changes)


def told(*planned: Planned, url: str = "rtsp://viewer:hunter2@dock/1", **changes: Any) -> list[str]:
    config = Config(
        cameras=(CameraConfig(id="dock", url=url),),
        embedders=tuple(each.config for each in planned),
        **changes,
    )
    return list(account(config, planned))


def warnings(planned: Planned) -> list[str]:
    return [line.removeprefix("warning: ") for line in told(planned) if line.startswith("warning: ")]


def test_tells_what_will_be_opened_embedded_and_published() -> None:
    scene = Planned(embedder([(4, 1), (60, 5)], fps=2), IMAGES)
    redis = RedisConfig(url="redis://:hunter2@store", prefix="site:a")
    assert told(scene, redis=redis) == [
        "Cameras: 1",
        "  dock: rtsp://***@dock/1",
        "    live, over TCP",
        "    lost after 10 s without an answer, 5 s without a frame",
        "    tried again after 0.5 s, then ever later, up to 10 s, for ever",
        "Embedders: 1, on device auto",
        "  scene: m, weights made",
        "    frame pooling (mean), 2 frames a second",
        "    4 s every 1 s: 8 frames a window",
        "    60 s every 5 s: 120 frames a window",
        "Redis: redis://***@store",
        "  site:a:dock:scene",
        "    1.2 records a second, 259 MB a day at 512 dimensions",
        "    the last 10,000 are kept, 25 MB, 2.3 h",
        "  site:a:cameras: each camera's state",
        "  site:a:events: what happened to them",
    ]


def test_tells_of_a_file_what_it_tells_of_no_camera() -> None:
    lines = told(Planned(embedder([(2, 1)]), CLIPS), url="clip.mp4")
    assert "    a file, read once, at full speed; begins at Unix second 0" in lines
    assert "    clips of 16 frames, from 8 frames a second" in lines
    assert "    2.5 kB a record at 512 dimensions; the last 10,000 are kept, 25 MB" in lines
    assert "Redis: a private Valkey that livevec starts" in lines


@pytest.mark.parametrize(
    ("planned", "warning"),
    [
        (
            Planned(embedder([(4, 1)], weights="random"), IMAGES),
            "scene: untrained weights: its vectors mean nothing, and every record says so",
        ),
        (Planned(embedder([(2, 5)]), IMAGES), "scene: 3 s of every 5 s are in no window of 2 s"),
        (
            Planned(embedder([(2, 0.1)], fps=2), IMAGES),
            "scene: windows every 0.1 s, frames every 0.5 s: many windows will be alike",
        ),
        (
            Planned(embedder([(2, 1)], pooling="max"), CLIPS),
            "scene: pooling is of frames; a clip model does not use it",
        ),
    ],
)
def test_warns_of_what_is_allowed_and_seldom_meant(planned: Planned, warning: str) -> None:
    assert warnings(planned) == [warning]


def test_warns_of_nothing_in_a_usual_configuration() -> None:
    assert warnings(Planned(embedder([(4, 1)]), IMAGES)) == []
    assert warnings(Planned(embedder([(2, 1), (8, 2)]), CLIPS)) == []


def test_counts_the_frames_of_a_window_exactly() -> None:
    assert Planned(embedder([(0.29, 1)], fps=100), IMAGES).frames(embedder([(0.29, 1)]).windows[0]) == 29


def test_refuses_models_windows_and_files_together_a_line_each(tmp_path: Path) -> None:
    config = Config(
        cameras=(CameraConfig(id="tape", url=str(tmp_path / "none.mp4")),),
        embedders=(
            embedder([(4, 1)], name="a", model="torchvision:r3d18"),
            embedder([(0.25, 1)], name="b", model="efficientnet_lite0", weights="random"),
            embedder([(2, 1)], name="c", model="torchvision:r3d_18", fps=2),
            embedder([(2, 1)], name="d", model="torchvision:r3d_18"),
        ),
    )
    with pytest.raises(ConfigError) as caught:
        verify(config)
    file, model, span, clip = str(caught.value).splitlines()
    assert file == f"cameras.tape.url: no such file: {tmp_path / 'none.mp4'}"
    assert model.startswith('embedders.a: model = "torchvision:r3d18": ')
    assert span == "embedders.b: a window of 0.25 s is shorter than one sample at 2 fps"
    assert clip == (
        "embedders.c: a window of 2 s at 2 fps has 4 of the 16 frames that the model takes, "
        "less than min_coverage: nothing would be published"
    )
