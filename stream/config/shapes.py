"""The configuration's shape and its defaults. What each key means stands beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from stream.config.chat import ChatConfig, check_chat
from stream.config.section import Section
from stream.config.texts import LabelTexts, Prompts
from stream.errors import ConfigError
from stream.urls import check_url

Names = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Ids and names: they become parts of Redis keys, between colons."""


def _id(text: str) -> str:
    if not Names.fullmatch(text):
        raise ValueError("must be 1 to 64 letters (A-Z, a-z), digits, _ or -")
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_:-]{1,64}", text):
        raise ValueError("must be 1 to 64 letters (A-Z, a-z), digits, _, - or :")
    return text


def _sha256(text: str) -> str:
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        raise ValueError("must be 64 hex digits")
    return text.lower()


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise ValueError("must be auto, cpu, cuda or cuda:N")
    return text


def _camera_url(url: str) -> str:
    try:
        check_url(url)
    except ConfigError as error:
        raise ValueError(str(error)) from None  # pydantic gathers ValueErrors only
    return url


def _redis_url(url: str) -> str:
    if url == "embedded":
        return url
    try:
        parts = urlsplit(url)
        named = _names_a_server(parts)
    except ValueError:  # its text may hold half a password that was taken for a port
        raise ValueError("is not a URL; percent-encode what is special in a password") from None
    if not named:
        raise ValueError("must be embedded, redis://HOST, rediss://HOST or unix:///PATH")
    return url


def _names_a_server(parts: SplitResult) -> bool:
    if parts.scheme == "unix":
        return bool(parts.path)
    return parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and parts.port != 0


def _refuse_twins(what: str, names: Iterable[str]) -> None:
    twins = [name for name, count in Counter(names).items() if count > 1]
    if twins:
        raise ValueError(f"{what} must differ: {', '.join(twins)} stands more than once")


Id = Annotated[str, AfterValidator(_id)]


class RedisConfig(Section):
    """`[redis]`: where records go."""

    url: Annotated[str, AfterValidator(_redis_url)] = Field(
        default="embedded",  # a private Valkey that livevec starts; or redis://, rediss://, unix://
        repr=False,  # may hold a password
    )
    prefix: Annotated[str, AfterValidator(_prefix)] = "livevec"
    maxlen: int = Field(default=10_000, gt=0)  # entries kept per stream, trimmed with `MAXLEN ~`
    buffer: int = Field(default=20_000, gt=0)  # windows kept while Redis is away; then the oldest goes


class CameraConfig(Section):
    """`[[cameras]]`: one source."""

    id: Id
    url: Annotated[str, AfterValidator(_camera_url)] = Field(
        repr=False,  # rtsp://, rtsps://, http(s):// video, or a file; may hold a password
    )
    transport: Literal["tcp", "udp"] = "tcp"  # of RTSP
    open_timeout_s: float = Field(default=10.0, gt=0, le=60)
    read_timeout_s: float = Field(default=5.0, gt=0, le=60)
    starts_at: float = Field(default=0.0, ge=0)  # of a file: Unix seconds of its PTS 0


class WindowConfig(Section):
    """One scale: a window of `span_s` seconds, every `hop_s` seconds."""

    span_s: float = Field(gt=0, le=86_400)
    hop_s: float = Field(gt=0, le=86_400)

    @field_validator("span_s", "hop_s")
    @classmethod
    def _at_least_a_millisecond(cls, value: float) -> float:
        if value < 0.001:  # entry ids tell window ends apart by the millisecond
            raise ValueError("must be at least 0.001")
        return value


class EmbedderConfig(Section):
    """`[[embedders]]`: a model and how it is applied. Whether it sees frames or clips is the model's."""

    name: Id
    model: str  # `open_clip:NAME/TAG`, `torchvision:NAME/TAG`, `efficientnet_lite0`
    weights: str = "auto"  # of `model`; or `hf-hub:ORG/NAME@REV`; a path; `random`, as every record then says
    sha256: Annotated[str, AfterValidator(_sha256)] | None = None  # of the weights: others are refused
    fit: Literal["crop", "squash", "pad"] | None = None  # of pictures that are not square: the model's own
    fps: float | None = Field(default=None, gt=0, le=120)  # default: 2 for frames, T / span for clips
    pooling: Literal["mean", "max", "last", "ema", "gem", "attention", "none"] = "mean"  # of frames only
    half_life_s: float = Field(default=1.0, ge=0.001, le=86_400)  # of `ema`
    gem_p: float = Field(default=3.0, ge=1, le=16)  # of `gem`: 1 is the mean, 16 nearly the largest
    temperature: float = Field(default=0.1, ge=0.001, le=100)  # of `attention`, in cosines
    extras: tuple[Literal["motion", "novelty"], ...] = ()  # told in every record besides the vector
    labels: LabelTexts = None  # the nearest of these are told too; or of the model's `classes`, of `imagenet`
    top_k: int = Field(default=3, gt=0, le=100)  # of the labels
    prompts: Prompts = ("{}",)  # around each text, for a text tower; of several the mean is taken
    windows: tuple[WindowConfig, ...] = (WindowConfig(span_s=4, hop_s=1),)
    min_coverage: float = Field(default=0.5, gt=0, le=1)
    max_batch: int = Field(default=32, gt=0)  # items per forward pass
    shadow: bool = False  # tried out beside the others: has the device when none of them needs it
    chat: ChatConfig | None = Field(default=None, validate_default=True)  # of `model = "chat:NAME"`

    @field_validator("sha256")
    @classmethod
    def _is_of_a_file(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.data.get("weights") == "random":
            raise ValueError('is of weights that are read, not of weights = "random"')
        return value

    @field_validator("half_life_s", "gem_p", "temperature")
    @classmethod
    def _is_of_the_pooling(cls, value: float, info: ValidationInfo) -> float:
        owner = {"half_life_s": "ema", "gem_p": "gem", "temperature": "attention"}[str(info.field_name)]
        if info.data.get("pooling", owner) != owner:
            raise ValueError(f'is only for pooling = "{owner}"')
        return value

    @field_validator("windows")
    @classmethod
    def _windows_hold_a_sample(
        cls, windows: tuple[WindowConfig, ...], info: ValidationInfo
    ) -> tuple[WindowConfig, ...]:
        if not windows:
            raise ValueError("must not be empty")
        if info.data.get("pooling") == "none":
            raise ValueError('must be left out with pooling = "none": every frame is its own')
        _refuse_twins("the span_s of one embedder's windows", [f"{window.span_s:g}" for window in windows])
        fps = info.data.get("fps")
        if fps is not None:
            check_spans(windows, fps)
        return windows

    @field_validator("chat")
    @classmethod
    def _fits_the_model(cls, chat: ChatConfig | None, info: ValidationInfo) -> ChatConfig | None:
        check_chat(chat, info.data)
        return chat

    @property
    def local(self) -> Self | None:
        """What of it is a model on this machine: of one that captions the text tower, if it has one."""
        if self.chat is None:
            return self
        return self.model_copy(update={"model": self.chat.text, "chat": None}) if self.chat.text else None


def check_spans(windows: Iterable[WindowConfig], fps: float) -> None:
    """Raises ValueError for a window that is shorter than the time between two samples."""
    for window in windows:
        if window.span_s * fps < 1 - 1e-6:  # in floats a 49th of a second 49 times is almost 1
            raise ValueError(f"a window of {window.span_s:g} s is shorter than one sample at {fps:g} fps")


class ReconnectConfig(Section):
    """`[reconnect]`: waits between tries, growing from `min_s` to `max_s`, jittered, for ever."""

    min_s: float = Field(default=0.5, gt=0)
    max_s: float = Field(default=10.0, gt=0)

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.max_s < self.min_s:
            raise ValueError(f"max_s ({self.max_s:g}) must not be less than min_s ({self.min_s:g})")
        return self


class QueueConfig(Section):
    """`[queues]`: how much may wait for the device, per live camera and embedder."""

    frames_per_camera: int = Field(default=8, gt=0)
    clips_per_camera: int = Field(default=2, gt=0)


class Config(Section):
    """The whole configuration, checked."""

    device: Annotated[str, AfterValidator(_device)] = "auto"
    redis: RedisConfig = RedisConfig()
    cameras: tuple[CameraConfig, ...] = Field(default=(), validate_default=True)
    embedders: tuple[EmbedderConfig, ...] = Field(default=(), validate_default=True)
    reconnect: ReconnectConfig = ReconnectConfig()
    queues: QueueConfig = QueueConfig()

    @field_validator("cameras")
    @classmethod
    def _ids_differ(cls, cameras: tuple[CameraConfig, ...]) -> tuple[CameraConfig, ...]:
        if not cameras:
            raise ValueError("none configured: add a [[cameras]] table, or use --camera ID=URL")
        _refuse_twins("ids", [camera.id for camera in cameras])
        return cameras

    @field_validator("embedders")
    @classmethod
    def _names_differ(cls, embedders: tuple[EmbedderConfig, ...]) -> tuple[EmbedderConfig, ...]:
        if not embedders:
            raise ValueError("none configured: add an [[embedders]] table")
        _refuse_twins("names", [embedder.name for embedder in embedders])
        return embedders


DEFAULT_EMBEDDERS = (
    EmbedderConfig(name="scene", model="open_clip:ViT-B-32/laion2b_s34b_b79k", fps=2),
    EmbedderConfig(
        name="action",
        model="torchvision:r3d_18/KINETICS400_V1",
        windows=(WindowConfig(span_s=2, hop_s=1),),
    ),
)
"""For runs with cameras on the command line and no file."""
