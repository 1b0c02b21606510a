"""A real HTTP client against an endpoint that answers by script: what is sent, what each failure becomes."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable, Coroutine
from contextlib import closing
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
import pytest
from PIL import Image

from stream.config import ChatConfig
from stream.errors import ModelError
from stream.metrics import Drop
from tests.captions import KEY, URL, captioning
from tests.made import Ears
from tests.peers.chat_server import ChatServer, Reply, chat_server, pictures_of, says
from workers.chat.captioner import Captioner
from workers.chat.endpoint import MAX_ANSWER, HttpEndpoint
from workers.chat.messages import Answer, Uncaptioned
from workers.device import DeviceThread

pytestmark = pytest.mark.integration

T = TypeVar("T")

STORY_S = 30.0  # both cores may be busy
HOURS_S = 3600.0
PICTURES = [np.full((36, 64, 3), value, np.uint8) for value in (0, 128, 255)]
ECHO = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


def tell(story: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(STORY_S):
            return await story

    return asyncio.run(bounded())


async def asked(url: str, **chat: Any) -> Answer:
    config = ChatConfig.model_validate({"url": url, "api_key": KEY, **chat})
    endpoint = HttpEndpoint("seer/large", config, lambda: 0.0)
    try:
        return await endpoint.ask(PICTURES)
    finally:
        await endpoint.close()


def failure(
    *replies: Reply, check: Callable[[ChatServer], None] = lambda _: None, **chat: Any
) -> Uncaptioned:
    """What the failure is called; the key stands nowhere in it."""

    async def story() -> Uncaptioned:
        async with chat_server(*replies) as server:
            with pytest.raises(Uncaptioned) as caught:
                await asked(server.url, **chat)
            check(server)
        return caught.value

    error = tell(story())
    assert KEY not in f"{error} {error!r} {error.__cause__!r}"
    return error


def test_sends_the_prompt_and_the_pictures_in_order_and_gives_the_caption() -> None:
    async def story() -> tuple[Answer, ChatServer]:
        async with chat_server(says("A red van\n stops.\x1b[2J", tokens=321)) as server:
            return await asked(server.url + "/", prompt="What is it?", max_tokens=50), server

    answer, server = tell(story())
    assert answer == Answer("A red van stops.[2J", 321)
    assert server.heads[0].startswith("POST /v1/chat/completions HTTP/1.1")
    assert f"Authorization: Bearer {KEY}" in server.heads[0]
    (body,) = server.bodies
    assert (body["model"], body["max_completion_tokens"]) == ("seer/large", 50)
    assert body["messages"][0]["content"][0] == {"type": "text", "text": "What is it?"}
    urls = pictures_of(body)
    assert all(url.startswith("data:image/jpeg;base64,") for url in urls)
    sent = [np.asarray(Image.open(BytesIO(b64decode(url.partition(",")[2])))) for url in urls]
    assert [(picture.shape, round(float(picture.mean()))) for picture in sent] == [
        ((36, 64, 3), value) for value in (0, 128, 255)
    ]


def test_without_a_key_none_is_sent() -> None:
    async def story() -> str:
        async with chat_server(says("a dock")) as server:
            await asked(server.url, api_key=None)
            return server.heads[0]

    assert "authorization" not in tell(story()).lower()


@pytest.mark.parametrize(
    ("reply", "drop"),
    [
        (Reply(401, ECHO), Drop.UNAUTHORIZED),
        (Reply(403, ECHO), Drop.UNAUTHORIZED),
        (Reply(404, ECHO), Drop.INVALID),
        (Reply(400, {"error": {"code": "content_policy_violation", "message": KEY}}), Drop.CONTENT),
        (Reply(500, ECHO), Drop.UNAVAILABLE),
        (Reply(503, b"<html>"), Drop.UNAVAILABLE),
        (says("", refusal=f"I cannot help with {KEY}"), Drop.CONTENT),
        (Reply(body={"choices": [{"finish_reason": "content_filter", "message": {}}]}), Drop.CONTENT),
        (says(" \n"), Drop.INVALID),
        (Reply(body=b"{"), Drop.INVALID),
        (Reply(body=b"\xff\xfe"), Drop.INVALID),
        (Reply(body=b"[" * 100_000), Drop.INVALID),
        (Reply(body={"choices": []}), Drop.INVALID),
        (Reply(body={"choices": [{"message": {"content": None}}]}), Drop.INVALID),
        (Reply(body=b"x" * (MAX_ANSWER + 1)), Drop.INVALID),
    ],
)
def test_each_failure_has_its_reason_and_shows_nothing_of_the_answer(reply: Reply, drop: Drop) -> None:
    assert failure(reply).drop is drop


def test_tokens_of_a_refusal_are_told_too() -> None:
    assert failure(says("", tokens=77, refusal="No.")).tokens == 77


@pytest.mark.parametrize("reply", [Reply(0), Reply(drips=True)], ids=["silent", "dripping"])
def test_an_answer_that_does_not_come_is_given_up(reply: Reply) -> None:
    error = failure(reply, timeout_s=0.2)
    assert (error.drop, str(error)) == (Drop.TIMEOUT, "no answer within 0.2 s")


def test_an_endpoint_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Uncaptioned, match=r"^not reached: ConnectError$") as caught:
        tell(asked(URL))
    assert caught.value.drop is Drop.UNAVAILABLE


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("7", 7.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 60.0),
        ("999999", HOURS_S),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_tells_how_long_it_is_to_be_left_alone(header: str, wait_s: float | None) -> None:
    error = failure(Reply(429, ECHO, {"Retry-After": header}))
    assert (error.drop, error.retry_after_s) == (Drop.LIMITED, wait_s)


def test_a_redirect_is_not_followed() -> None:
    async def story() -> int:
        async with chat_server(says("a trap")) as elsewhere:
            reply = Reply(307, "", {"Location": f"{elsewhere.url}/chat/completions"})
            async with chat_server(reply) as server:
                with pytest.raises(Uncaptioned, match="307: redirects are not followed"):
                    await asked(server.url)
            return len(elsewhere.heads)

    assert tell(story()) == 0


def test_the_key_stands_in_no_text_of_the_configuration() -> None:
    config = captioning(api_key=KEY)
    assert config.chat is not None
    assert config.chat.api_key is not None
    assert config.chat.api_key.get_secret_value() == KEY
    assert (
        KEY not in f"{config!r} {config} {config.model_dump()} {json.dumps(config.model_dump(mode='json'))}"
    )


def test_a_captions_vector_is_of_a_real_text_tower() -> None:
    async def story() -> tuple[Any, Any, Any]:
        config = captioning(text="open_clip:ViT-S-32-alt").model_copy(update={"weights": "random"})
        async with chat_server(says("a red van"), says("two dogs")) as server:
            endpoint = HttpEndpoint("seer", ChatConfig(url=server.url), lambda: 0.0)
            with closing(DeviceThread("cpu")) as device:
                captions = Captioner(config, endpoint, device, Ears().outlet().event, lambda: 0.0)
                card = await captions.load(config)
                first, second = [await captions.caption(PICTURES) for _ in range(2)]
                await endpoint.close()
                expected = await device.embed_text("words", [first.text])
        np.testing.assert_array_equal(first.vector, expected[0])
        return card, first, second

    card, first, second = tell(story())
    assert (card.weights, card.dim) == ("random", first.vector.size)
    assert np.linalg.norm(first.vector) == pytest.approx(1, abs=1e-5)
    assert float(first.vector @ second.vector) < 1 - 1e-6


def test_a_classifier_is_no_text_tower_and_that_is_said_at_the_start() -> None:
    async def story() -> None:
        config = captioning(text="efficientnet_lite0")
        endpoint = HttpEndpoint("seer", ChatConfig(url=URL), lambda: 0.0)
        with closing(DeviceThread("cpu")) as device:
            captions = Captioner(config, endpoint, device, Ears().outlet().event, lambda: 0.0)
            with pytest.raises(ModelError, match=r"^embedders\.words\.chat\.text: .*1000 classes only"):
                await captions.load(config)
        await endpoint.close()

    tell(story())
