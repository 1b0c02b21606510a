"""When an endpoint is asked, what its failures cost, and that nobody else waits for it: in virtual time."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from stream.config import Config, EmbedderConfig
from stream.errors import Code, SourceError
from stream.metrics import Drop, Metric
from stream.record import decode, encode
from tests import virtual_time
from tests.captions import ScriptedEndpoint, TextDevice, captioner, captioning, kinds
from tests.made import Ears, ScriptedDecoders, embedder
from workers.chat.messages import Answer, Uncaptioned
from workers.pipeline import Pipeline

ENDED = SourceError(Code.FORBIDDEN, "ended", final=True)
BUSY = Uncaptioned(Drop.LIMITED, "HTTP 429", retry_after_s=30)
DOWN = Uncaptioned(Drop.UNAVAILABLE, "HTTP 503 of the endpoint")
LOCKED = Uncaptioned(Drop.UNAUTHORIZED, "HTTP 401")


def watch(
    config: EmbedderConfig,
    endpoint: ScriptedEndpoint,
    seconds: int,
    *,
    url: str = "rtsp://camera.example/live",
    device: TextDevice | None = None,
) -> Ears:
    """A camera of one frame a second, a frame embedder, and the captions."""
    ears, scene = Ears(), embedder(fps=1)
    device = device or TextDevice()

    async def main() -> None:
        captions, words = await captioner(config, endpoint, ears, device)
        both = [scene, words]
        whole = Config.model_validate(
            {"cameras": [{"id": "cam", "url": url}], "embedders": [each.config for each in both]}
        )
        end = ENDED if url.startswith("rtsp") else None
        decoders = ScriptedDecoders({"cam": [([float(n) for n in range(1, seconds + 1)], end)]}, every_s=1)
        pipeline = Pipeline(whole, both, decoders, device, ears.outlet(), {"words": captions})
        await pipeline.run(asyncio.Event())
        assert pipeline.jobs_in_flight == 0

    virtual_time.run(main())
    return ears


def captions_of(ears: Ears) -> list[str | None]:
    return [e.caption for e in ears.published if e.embedder == "words"]


def drops_of(ears: Ears) -> dict[str, int]:
    """Of the windows that an endpoint was to caption; the books balance."""
    total, drops = ears.counters.total, ears.counters.by_reason(Metric.WINDOWS_DROPPED)
    assert total(Metric.WINDOWS_DUE, embedder="words") == len(captions_of(ears)) + sum(drops.values())
    return drops


def test_a_window_has_its_caption_and_the_vector_of_that() -> None:
    device = TextDevice()
    ears = watch(
        captioning(text="open_clip:made"), ScriptedEndpoint(Answer("a red van", 9)), 2, device=device
    )
    words = [e for e in ears.published if e.embedder == "words"]
    assert [(e.caption, e.vector.size, e.model, e.weights) for e in words] == [
        ("a red van", 4, "chat:seer", "made")
    ] * 2
    assert device.texts[-2:] == ["a red van"] * 2
    assert drops_of(ears) == {}


def test_without_a_text_tower_a_record_has_a_caption_and_no_vector() -> None:
    (first, *_) = [e for e in watch(captioning(), ScriptedEndpoint(), 2).published if e.embedder == "words"]
    fields = encode(first, published_at=0.0)
    assert (fields["caption"], fields["dim"], fields["embedding"]) == ("a dock", "0", b"")
    read = decode({k.encode(): v if isinstance(v, bytes) else v.encode() for k, v in fields.items()})
    assert (read.caption, read.vector.shape) == ("a dock", (0,))


def test_a_slow_endpoint_holds_up_no_frame() -> None:
    endpoint = ScriptedEndpoint(takes_s=1000)
    ears = watch(captioning(), endpoint, 30)
    assert [e.window for e in ears.published if e.embedder == "scene"] == list(range(30))
    assert ears.counters.by_reason(Metric.FRAMES_DROPPED) == {}
    assert len(captions_of(ears)) == 4 + 2  # those under way and those that may wait: the camera's end waits
    assert drops_of(ears) == {Drop.SHED: 24}


def test_asks_no_more_often_than_it_may_and_of_the_newest() -> None:
    endpoint = ScriptedEndpoint()
    ears = watch(captioning(per_minute=6), endpoint, 60)
    assert {after - before for before, after in pairwise(endpoint.asked_at_s)} == {10.0}
    windows = [e.window for e in ears.published if e.embedder == "words"]
    assert [after - before for before, after in pairwise(windows[1:5])] == [10] * 3
    assert drops_of(ears) == {Drop.SHED: 60 - len(windows)}


def test_asks_no_more_at_once_than_it_may() -> None:
    endpoint = ScriptedEndpoint(takes_s=10)
    ears = watch(captioning(at_once=3, per_minute=600), endpoint, 60)
    assert endpoint.most_under_way == 3
    assert drops_of(ears)[Drop.SHED] > 30


@pytest.mark.parametrize(
    ("cap", "asked"), [({"requests_per_day": 5}, 5), ({"tokens_per_day": 100}, 3)], ids=["requests", "tokens"]
)
def test_a_day_costs_no_more_than_it_may(cap: dict[str, Any], asked: int) -> None:
    endpoint = ScriptedEndpoint(Answer("a dock", tokens=40))
    ears = watch(captioning(per_minute=600, **cap), endpoint, 20)
    assert len(endpoint.asked_at_s) == len(captions_of(ears)) == asked
    assert drops_of(ears) == {Drop.BUDGET: 20 - asked}
    assert kinds(ears) == [("captions_lost", Drop.BUDGET)]


def test_the_next_day_begins_anew() -> None:
    endpoint, ears = ScriptedEndpoint(), Ears()
    noon_s = 86_400 / 2

    async def main() -> list[bool]:
        captions, _ = await captioner(captioning(requests_per_day=1), endpoint, ears)
        answered = []
        for _ in range(4):
            answered.append(await captions.turn() is None)
            if answered[-1]:
                await captions.caption([])
            await asyncio.sleep(noon_s)
        return answered

    assert virtual_time.run(main()) == [True, False, True, False]
    assert kinds(ears) == [
        ("captions_lost", Drop.BUDGET),
        ("captions_back", 1),
        ("captions_lost", Drop.BUDGET),
    ]


def test_a_run_of_failures_is_told_once_and_so_is_its_end() -> None:
    endpoint = ScriptedEndpoint(DOWN, DOWN, DOWN, Answer("a dock", 0))
    ears = watch(captioning(per_minute=600), endpoint, 6)
    assert drops_of(ears) == {Drop.UNAVAILABLE: 3}
    assert captions_of(ears) == ["a dock"] * 3
    assert kinds(ears) == [("captions_lost", Drop.UNAVAILABLE), ("captions_back", 3)]


def test_a_failing_text_tower_drops_the_window_and_is_told_once() -> None:
    device = TextDevice()
    device.refuses = "a dock"
    ears = watch(captioning(text="open_clip:made", per_minute=600), ScriptedEndpoint(), 3, device=device)
    assert drops_of(ears) == {Drop.FAILED: 3}
    assert kinds(ears) == [("captions_lost", Drop.FAILED)]


def test_who_asks_for_fewer_requests_is_left_alone_for_as_long() -> None:
    endpoint = ScriptedEndpoint(BUSY, Answer("a dock", 0))
    ears = watch(captioning(per_minute=600), endpoint, 60)
    assert endpoint.asked_at_s[1] - endpoint.asked_at_s[0] == 30
    assert drops_of(ears)[Drop.LIMITED] == 1


def test_a_wrong_key_is_tried_once() -> None:
    endpoint = ScriptedEndpoint(LOCKED)
    ears = watch(captioning(per_minute=600), endpoint, 20)
    assert len(endpoint.asked_at_s) == 1
    assert drops_of(ears) == {Drop.UNAUTHORIZED: 20}
    assert kinds(ears) == [("captions_lost", Drop.UNAUTHORIZED)]


def test_a_file_waits_for_its_captions() -> None:
    endpoint = ScriptedEndpoint(takes_s=2)
    ears = watch(captioning(per_minute=6, at_once=1), endpoint, 12, url="clip.mp4")
    assert len(captions_of(ears)) == 12
    assert drops_of(ears) == {}


def test_what_is_asked_at_the_end_is_given_up_and_counted() -> None:
    ears, stop = Ears(), asyncio.Event()

    async def main() -> float:
        captions, words = await captioner(captioning(), ScriptedEndpoint(takes_s=1000), ears)
        config = Config.model_validate(
            {"cameras": [{"id": "cam", "url": "rtsp://camera.example/live"}], "embedders": [words.config]}
        )
        decoders = ScriptedDecoders({"cam": [([1.0, 2.0, 3.0], ENDED)]}, every_s=1)
        pipeline = Pipeline(config, [words], decoders, TextDevice(), ears.outlet(), {"words": captions})
        asyncio.get_running_loop().call_later(10, stop.set)
        await pipeline.run(stop)
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == pytest.approx(12)
    assert drops_of(ears) == {Drop.SHUTDOWN: 3}


def test_the_space_changes_with_the_prompt_and_the_tower() -> None:
    async def space(**chat: Any) -> str:
        return (await captioner(captioning(**chat), ScriptedEndpoint(), Ears()))[1].space

    async def main() -> list[str]:
        return [await space(), await space(prompt="In a word?"), await space(text="a"), await space(text="b")]

    assert len(set(virtual_time.run(main()))) == 4
