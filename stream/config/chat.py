"""`chat = { … }` of an embedder: the endpoint that captions its windows, and what that may cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from stream.config.section import Section

MODEL_PREFIX = "chat:"  # of `model`: what stands behind it is the endpoint's own name of the model

_PROMPT = (
    "These pictures are of one fixed camera, in order. "
    "Say in one plain sentence what is seen and what happens. Do not guess."
)


def _endpoint(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its text may hold half a password that was taken for a port
        usable = False
    if not usable or not url.isprintable():
        raise ValueError("must be http://HOST/… or https://HOST/…, up to and with its /v1")
    if "@" in url or "?" in url or "#" in url:
        raise ValueError("must hold no user, password, ? or #: api_key is the place for what is secret")
    return url.rstrip("/")


def _key(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    if not text or not all("!" <= char <= "~" for char in text):  # it becomes a header
        raise ValueError("must be visible ASCII characters, at least one; leave it out if there is none")
    return key


class ChatConfig(Section):
    """An OpenAI-compatible endpoint, asked for the caption of each window."""

    url: Annotated[str, AfterValidator(_endpoint)]  # https://HOST/v1; `/chat/completions` is put behind it
    api_key: Annotated[SecretStr, AfterValidator(_key)] | None = None
    prompt: str = Field(default=_PROMPT, min_length=1)
    frames: int = Field(default=4, ge=1, le=64)  # pictures per window
    short_side: int = Field(default=384, ge=64, le=2048)  # pixels, of each picture; larger ones cost more
    timeout_s: float = Field(default=30.0, gt=0, le=600)  # for one answer, all in all
    at_once: int = Field(default=4, gt=0, le=64)  # requests
    per_minute: float = Field(default=20.0, gt=0, le=60_000)  # requests, evenly spaced
    requests_per_day: int = Field(default=1000, gt=0)  # of UTC, those that failed too; then no more
    tokens_per_day: int | None = Field(default=None, gt=0)  # likewise, as the endpoint tells their use
    max_tokens: int = Field(default=200, gt=0)  # of one answer
    text: str | None = None  # a model with a text tower: the caption's vector; without it a record has none


def check_chat(chat: ChatConfig | None, embedder: Mapping[str, Any]) -> None:
    """Whether it fits the embedder's other keys, those that are valid. Raises ValueError."""
    model = str(embedder.get("model", ""))
    if chat is None:
        if model.startswith(MODEL_PREFIX):
            raise ValueError(
                f'is missing: model = "{model}" needs at least chat = {{ url = "https://…/v1" }}'
            )
        return
    if "model" in embedder and not (model.startswith(MODEL_PREFIX) and len(model) > len(MODEL_PREFIX)):
        raise ValueError(f'is only for model = "{MODEL_PREFIX}NAME"')
    if chat.text is None:
        _check_without_vectors(embedder)


def _check_without_vectors(embedder: Mapping[str, Any]) -> None:
    usual = {"weights": "auto", "sha256": None, "labels": None, "extras": ()}
    wanting = [key for key, default in usual.items() if embedder.get(key, default) != default]
    if wanting:
        raise ValueError(f"{', '.join(wanting)}: of a caption's vector, for which chat.text names the model")
