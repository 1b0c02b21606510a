"""The configuration: its shape, its defaults, and the only place that reads it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Section(BaseModel):
    """A table of the configuration: unknown keys are refused, values never change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class RedisConfig(Section):
    """`[redis]`: where records go."""

    url: str = "embedded"  # a private Valkey that livevec starts; or redis://, rediss://, unix://
    prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_:-]{1,64}$")] = "livevec"
    maxlen: int = Field(default=10_000, gt=0)  # entries kept per stream, trimmed with `MAXLEN ~`
    buffer: int = Field(default=20_000, gt=0)  # windows kept while Redis is away; then the oldest goes


class CameraConfig(Section):
    """`[[cameras]]`: one source."""

    id: Id
    url: str  # rtsp://, rtsps://, http(s):// video, or a file; may hold a password, so never shown as it is
    transport: Literal["tcp", "udp"] = "tcp"  # of RTSP
    open_timeout_s: float = Field(default=10.0, gt=0, le=60)
    read_timeout_s: float = Field(default=5.0, gt=0, le=60)
    starts_at: float = Field(default=0.0, ge=0)  # of a file: Unix seconds of its PTS 0


class WindowConfig(Section):
    """One scale: a window of `span_s` seconds, every `hop_s` seconds."""

    span_s: float = Field(gt=0, le=86_400)
    hop_s: float = Field(gt=0, le=86_400)


class EmbedderConfig(Section):
    """`[[embedders]]`: a model and how it is applied. Whether it sees frames or clips is the model's."""

    name: Id
    model: str  # `open_clip:NAME/TAG`, `torchvision:NAME/TAG`, `efficientnet_lite0`
    weights: str = "auto"  # the tag in `model`; or a path; or `random`, which every record then says
    fps: float | None = Field(default=None, gt=0, le=120)  # default: 2 for frames, T / span for clips
    pooling: Literal["mean", "max"] = "mean"  # frame pooling only
    windows: tuple[WindowConfig, ...] = (WindowConfig(span_s=4, hop_s=1),)
    min_coverage: float = Field(default=0.5, gt=0, le=1)
    max_batch: int = Field(default=32, gt=0)  # items per forward pass


class ReconnectConfig(Section):
    """`[reconnect]`: waits between tries, growing from `min_s` to `max_s`, jittered, for ever."""

    min_s: float = Field(default=0.5, gt=0)
    max_s: float = Field(default=10.0, gt=0)


class QueueConfig(Section):
    """`[queues]`: how much may wait for the device, per live camera and embedder."""

    frames_per_camera: int = Field(default=8, gt=0)
    clips_per_camera: int = Field(default=2, gt=0)


class Config(Section):
    """The whole configuration, checked."""

    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    redis: RedisConfig = RedisConfig()
    cameras: tuple[CameraConfig, ...]
    embedders: tuple[EmbedderConfig, ...]
    reconnect: ReconnectConfig = ReconnectConfig()
    queues: QueueConfig = QueueConfig()
