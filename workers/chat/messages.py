"""What an endpoint is sent, and what its answers mean. No text of an answer is shown: it may hold the key."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image

from stream.config import ChatConfig
from stream.errors import EmbedError
from stream.frames import Pixels
from stream.metrics import Drop

JPEG_QUALITY = 85  # where the blocks cannot be seen any more; a fifth of the bytes of 95
LONGEST = 4000  # characters of a caption: a page
POLICY = {"content_filter", "content_policy_violation"}  # codes of Azure's and OpenAI's refusals


class Uncaptioned(EmbedError):
    """There is no caption of a window, and why."""

    def __init__(self, drop: Drop, text: str, *, tokens: int = 0, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.drop = drop
        self.tokens = tokens  # that were used all the same
        self.retry_after_s = retry_after_s  # before which it wants no other request


@dataclass(frozen=True, slots=True)
class Answer:
    """A caption, and what it took."""

    caption: str
    tokens: int  # 0 where the endpoint does not tell


def body(model: str, chat: ChatConfig, pictures: Sequence[Pixels]) -> bytes:
    """The JSON of a request; milliseconds a picture.

    https://platform.openai.com/docs/api-reference/chat/create
    """
    images = [{"type": "image_url", "image_url": {"url": _data_url(picture)}} for picture in pictures]
    content = [{"type": "text", "text": chat.prompt}, *images]
    asked = {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "max_completion_tokens": chat.max_tokens,  # `max_tokens` is what newer models refuse
    }
    return json.dumps(asked).encode()


def _data_url(picture: Pixels) -> str:
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + b64encode(file.getvalue()).decode()


def caption_of(raw: bytes) -> Answer:
    """What stands in the body of a 200. Raises Uncaptioned."""
    answer = _json(raw)
    tokens = _tokens(answer)
    match answer:
        case {"choices": [{"message": {"refusal": str(refusal)}}, *_]} if refusal:
            raise Uncaptioned(Drop.CONTENT, "the model will not speak of these pictures", tokens=tokens)
        case {"choices": [{"finish_reason": "content_filter"}, *_]}:
            raise Uncaptioned(Drop.CONTENT, "the endpoint's filter held the caption back", tokens=tokens)
        case {"choices": [{"message": {"content": str(text)}}, *_]} if caption := _tidy(text):
            return Answer(caption, tokens)
    raise Uncaptioned(Drop.INVALID, "the answer holds no caption", tokens=tokens)


def refusal(status: int, raw: bytes, retry_after_s: float | None) -> Uncaptioned:
    """What any other status means."""
    match status:
        case 401 | 403:
            why = "the endpoint does not take chat.api_key; it is not asked again before a restart"
            return Uncaptioned(Drop.UNAUTHORIZED, f"HTTP {status}: {why}")
        case 429:
            return Uncaptioned(Drop.LIMITED, "HTTP 429: too many requests", retry_after_s=retry_after_s)
        case 408:
            return Uncaptioned(Drop.TIMEOUT, "HTTP 408: the endpoint gave up", retry_after_s=retry_after_s)
        case _ if 300 <= status < 400:
            return Uncaptioned(
                Drop.UNAVAILABLE, f"HTTP {status}: redirects are not followed: is chat.url right?"
            )
        case _ if status >= 500:
            return Uncaptioned(
                Drop.UNAVAILABLE, f"HTTP {status} of the endpoint", retry_after_s=retry_after_s
            )
    if _is_policy(raw):
        return Uncaptioned(Drop.CONTENT, f"HTTP {status}: the endpoint will not look at these pictures")
    return Uncaptioned(Drop.INVALID, f"HTTP {status}: the request is refused: are chat.url and model right?")


def _is_policy(raw: bytes) -> bool:
    match _json(raw):
        case {"error": {"code": str(code)}}:
            return code in POLICY
    return False


def _json(raw: bytes) -> Any:  # noqa: ANN401 # whatever the endpoint sent
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _tokens(answer: Any) -> int:  # noqa: ANN401 # likewise
    match answer:
        case {"usage": {"total_tokens": int(tokens)}}:
            return max(tokens, 0)
    return 0


def _tidy(text: str) -> str:
    """One line that does not steer a terminal, and that UTF-8 can hold."""
    line = " ".join(text.split())
    return "".join(char for char in line if char.isprintable())[:LONGEST]
