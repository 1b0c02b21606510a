"""`livevec check`: what can be known of a configuration before anything is opened, and what it will do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

from stream.cards import ModelCard
from stream.config import (
    CameraConfig,
    ChatConfig,
    Config,
    EmbedderConfig,
    ReconnectConfig,
    RedisConfig,
    WindowConfig,
    check_spans,
)
from stream.errors import ConfigError, LivevecError
from stream.record import Kind, stream_key
from stream.rolls import Embedder
from stream.urls import is_live, redact
from workers import models
from workers.chat.captioner import ENDPOINT
from workers.service import check_files

RECORD_BYTES = 450  # besides the vector, in Valkey's memory: measured with records of 512 to 2048 dimensions
USUAL_DIM = 512  # of CLIP's ViT-B and the 18-layer video models; a model's own is known once it is loaded
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Planned:
    """An embedder whose model is known by name, but not loaded."""

    config: EmbedderConfig
    outline: models.Outline

    @property
    def weights(self) -> str:
        return self.outline.tag if self.config.weights == "auto" else self.config.weights

    @property
    def embedder(self) -> Embedder:
        """As `stream.rolls` will have it, but for what only a loaded model tells."""
        kind, frames = self.outline.kind, self.outline.frames
        card = ModelCard(self.config.model, self.weights, kind, 0, frames, short_side=0, identity="")
        return Embedder(self.config, card)

    @property
    def rate(self) -> Fraction:
        """Frames a second that it samples."""
        return self.embedder.rate

    @property
    def scales(self) -> tuple[WindowConfig, ...]:
        return self.embedder.scales

    @property
    def records_per_s(self) -> float:
        """Of one live camera."""
        return sum(1 / window.hop_s for window in self.scales)

    def frames(self, window: WindowConfig) -> int:
        """That a window has when none is missing."""
        points = int(window.span_s * self.rate + 1e-6)  # 0.29 s at 100 fps are 29, in floats almost
        return min(self.outline.frames, points) if self.outline.kind is Kind.CLIP else points


def verify(config: Config) -> list[Planned]:
    """Raises ConfigError with a line for each model, window and file that cannot be used."""
    wrong: list[str] = []
    planned = []
    try:
        check_files(config)
    except ConfigError as error:
        wrong.append(str(error))
    for embedder in config.embedders:
        try:
            planned.append(_planned(embedder))
        except (LivevecError, ValueError) as error:
            wrong.append(f"embedders.{embedder.name}: {error}")
    if wrong:
        raise ConfigError("\n".join(wrong))
    return planned


def _planned(embedder: EmbedderConfig) -> Planned:
    planned = Planned(embedder, _outline(embedder))
    check_spans(planned.scales, float(planned.rate))
    if planned.outline.kind is Kind.CLIP:
        _check_clips(planned)
    if embedder.labels and not planned.outline.text:
        raise ValueError(f'labels: model = "{embedder.model}" has neither a text tower nor trained classes')
    return planned


def _outline(embedder: EmbedderConfig) -> models.Outline:
    chat = embedder.chat
    if chat is None:
        return models.check(embedder.model, embedder.weights)
    if chat.text is None:
        return models.Outline(Kind.CLIP, chat.frames, ENDPOINT, dim=0)
    tower = models.check(chat.text, embedder.weights)
    if not tower.text:
        raise ValueError(f'chat.text: model = "{chat.text}" has no text tower')
    return models.Outline(Kind.CLIP, chat.frames, tower.tag, tower.dim, text=True)


def _check_clips(planned: Planned) -> None:
    """Raises ValueError for windows that would never come out."""
    points, fps = planned.outline.frames, float(planned.rate)
    for window in planned.scales:
        found = planned.frames(window)
        if found / points < planned.config.min_coverage:
            raise ValueError(
                f"a window of {window.span_s:g} s at {fps:g} fps has {found} of the {points} frames "
                "that the model takes, less than min_coverage: nothing would be published"
            )


def account(config: Config, embedders: Sequence[Planned]) -> Iterator[str]:
    """What will be done, for people to read; no line shows a password."""
    yield f"Cameras: {len(config.cameras)}"
    for camera in config.cameras:
        yield from _camera_lines(camera, config.reconnect)
    yield f"Embedders: {len(embedders)}, on device {config.device}"
    for embedder in embedders:
        yield from _embedder_lines(embedder)
    yield f"Redis: {_server(config.redis)}"
    for camera in config.cameras:
        for embedder in embedders:
            yield from _stream_lines(camera, embedder, config.redis)
    yield f"  {config.redis.prefix}:cameras: each camera's state"
    yield f"  {config.redis.prefix}:events: what happened to them"
    yield from (f"warning: {text}" for text in chain.from_iterable(map(_warnings, embedders)))


def _camera_lines(camera: CameraConfig, waits: ReconnectConfig) -> Iterator[str]:
    yield f"  {camera.id}: {redact(camera.url)}"
    if not is_live(camera.url):
        yield f"    a file, read once, at full speed; begins at Unix second {camera.starts_at:g}"
        return
    yield f"    live, over {camera.transport.upper()}"
    opening_s, reading_s = camera.open_timeout_s, camera.read_timeout_s
    yield f"    lost after {opening_s:g} s without an answer, {reading_s:g} s without a frame"
    yield f"    tried again after {waits.min_s:g} s, then ever later, up to {waits.max_s:g} s, for ever"


def _embedder_lines(embedder: Planned) -> Iterator[str]:
    config, outline = embedder.config, embedder.outline
    yield f"  {config.name}: {config.model}, weights {embedder.weights}"
    if config.chat is not None:
        yield from _chat_lines(config.chat)
    rate = f"{float(embedder.rate):g} frames a second"
    if outline.kind is Kind.CLIP:
        yield f"    clips of {outline.frames} frames, from {rate}"
    else:
        yield f"    frame pooling ({embedder.embedder.pooling}), {rate}"
    for window in embedder.scales:
        yield f"    {window.span_s:g} s every {window.hop_s:g} s: {embedder.frames(window)} frames a window"


def _chat_lines(chat: ChatConfig) -> Iterator[str]:
    key = "with a key" if chat.api_key else "without a key"
    yield f"    captions, asked of {redact(chat.url)} {key}"
    yield f"    {chat.at_once} requests at once, {chat.timeout_s:g} s for each"
    tokens = f" or {chat.tokens_per_day:,} tokens, as it tells their use" if chat.tokens_per_day else ""
    yield f"    at most {chat.per_minute:g} requests a minute, {chat.requests_per_day:,} a day of UTC{tokens}"
    yield f"    a caption's vector: {f'of the text tower of {chat.text}' if chat.text else 'none'}"


def _server(redis: RedisConfig) -> str:
    return "a private Valkey that livevec starts" if redis.url == "embedded" else redact(redis.url)


def _stream_lines(camera: CameraConfig, embedder: Planned, redis: RedisConfig) -> Iterator[str]:
    yield f"  {stream_key(redis.prefix, camera.id, embedder.config.name)}"
    record = 4 * USUAL_DIM + RECORD_BYTES
    kept = f"the last {redis.maxlen:,} are kept, {_bytes(redis.maxlen * record)}"
    if is_live(camera.url):
        per_s = embedder.records_per_s
        daily = _bytes(per_s * DAY_S * record)
        yield f"    {per_s:.3g} records a second, {daily} a day at {USUAL_DIM} dimensions"
        yield f"    {kept}, {redis.maxlen / per_s / 3600:.1f} h"
    else:
        yield f"    {_bytes(record)} a record at {USUAL_DIM} dimensions; {kept}"


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def _warnings(embedder: Planned) -> Iterator[str]:
    config, period_s = embedder.config, float(1 / embedder.rate)
    if config.chat is not None:
        yield from _chat_warnings(config.name, config.chat, embedder.records_per_s)
    if config.weights == "random":
        yield f"{config.name}: untrained weights: its vectors mean nothing, and every record says so"
    if embedder.outline.kind is Kind.CLIP and config.pooling != "mean":
        yield f"{config.name}: pooling is of frames; a clip model does not use it"
    if "motion" in config.extras and (embedder.outline.kind is Kind.CLIP or config.pooling == "none"):
        yield f"{config.name}: motion is between the frames of a window; here a window has one vector"
    for window in embedder.scales:
        span_s, hop_s = window.span_s, window.hop_s
        if hop_s > span_s:
            yield f"{config.name}: {hop_s - span_s:g} s of every {hop_s:g} s are in no window of {span_s:g} s"
        if hop_s < period_s:
            alike = "many windows will be alike"
            yield f"{config.name}: windows every {hop_s:g} s, frames every {period_s:g} s: {alike}"


def _chat_warnings(name: str, chat: ChatConfig, windows_per_s: float) -> Iterator[str]:
    if chat.api_key and chat.url.startswith("http://"):
        yield f"{name}: the key and the pictures travel unencrypted: {redact(chat.url)}"
    if windows_per_s * 60 > chat.per_minute:
        due = f"a live camera has {windows_per_s * 60:g} windows a minute"
        yield f"{name}: {due}, chat.per_minute is {chat.per_minute:g}: the others are dropped"
    elif windows_per_s * DAY_S > chat.requests_per_day:
        due = f"a live camera has {windows_per_s * DAY_S:,.0f} windows a day"
        yield f"{name}: {due}, chat.requests_per_day is {chat.requests_per_day:,}: the others are dropped"
