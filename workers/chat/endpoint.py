"""One request to an OpenAI-compatible endpoint. The only place that speaks HTTP, and that holds a key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import httpx2

from stream.config import ChatConfig
from stream.frames import Pixels
from stream.metrics import Drop
from workers.chat.messages import Answer, Uncaptioned, body, caption_of, refusal

MAX_ANSWER = 1_000_000  # bytes: hundreds of times a caption of usual length
MAX_RETRY_AFTER_S = 3600.0  # a slip of the endpoint must not silence it for a day


class HttpEndpoint:
    """Answers for one embedder. Owns its connections, and the thread that makes JPEGs."""

    def __init__(self, model: str, chat: ChatConfig, now: Callable[[], float]) -> None:
        self._model = model
        self._chat = chat
        self._now = now  # Unix seconds
        self._encoder = ThreadPoolExecutor(1, "jpeg")
        key = {"Authorization": f"Bearer {chat.api_key.get_secret_value()}"} if chat.api_key else {}
        self._client = httpx2.AsyncClient(
            headers={**key, "Content-Type": "application/json", "Accept-Encoding": "identity"},
            timeout=None,  # it would be of each read, which an answer that drips passes; `ask` has its own
            follow_redirects=False,  # elsewhere neither pictures nor key have any business
        )

    async def ask(self, pictures: Sequence[Pixels]) -> Answer:
        """Raises Uncaptioned."""
        loop = asyncio.get_running_loop()
        asked = await loop.run_in_executor(self._encoder, body, self._model, self._chat, pictures)
        try:
            async with asyncio.timeout(self._chat.timeout_s):
                return await self._post(asked)
        except TimeoutError:
            raise Uncaptioned(Drop.TIMEOUT, f"no answer within {self._chat.timeout_s:g} s") from None
        except httpx2.RequestError as error:  # its text is not shown, its kind is: ConnectError
            raise Uncaptioned(Drop.UNAVAILABLE, f"not reached: {type(error).__name__}") from None

    async def close(self) -> None:
        self._encoder.shutdown(wait=False, cancel_futures=True)
        await self._client.aclose()

    async def _post(self, asked: bytes) -> Answer:
        async with self._client.stream(
            "POST", f"{self._chat.url}/chat/completions", content=asked
        ) as response:
            raw = await _read(response)
        if response.status_code == 200:
            return caption_of(raw)
        raise refusal(response.status_code, raw, _retry_after_s(response, self._now()))


async def _read(response: httpx2.Response) -> bytes:
    raw = bytearray()
    async for part in response.aiter_raw():
        raw += part
        if len(raw) > MAX_ANSWER:
            raise Uncaptioned(Drop.INVALID, f"the answer is longer than {MAX_ANSWER:,} bytes")
    return bytes(raw)


def _retry_after_s(response: httpx2.Response, now: float) -> float | None:
    """Seconds or a date (RFC 9110, 10.2.3)."""
    text = response.headers.get("Retry-After", "")
    try:
        wait_s = float(text) if text.isdecimal() else parsedate_to_datetime(text).timestamp() - now
    except ValueError:
        return None
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)
