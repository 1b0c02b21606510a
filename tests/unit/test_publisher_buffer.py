"""What waits for Redis, without Redis: the bounded buffer, and what each kind of error means."""

from __future__ import annotations

import itertools

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from redis._parsers.base import BaseParser

from stream.config import RedisConfig
from stream.connection import Verdict, classify, connect, redis_error
from stream.metrics import Counters, Drop, Metric
from stream.outbox import Outbox
from stream.publisher import Publisher
from tests.records import embedding

BOUND = 5


class Numbered:
    """An entry; equal only to itself."""

    def __init__(self, number: int) -> None:
        self.number = number


class Buffer(RuleBasedStateMachine):
    """Against any order of offers, batches, failures and successes."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox: Outbox[Numbered] = Outbox(BOUND)
        self.numbers = itertools.count()
        self.offered: list[int] = []
        self.gone: list[int] = []
        self.settled: list[int] = []
        self.under_way: list[Numbered] = []

    @rule()
    def offer(self) -> None:
        entry = Numbered(next(self.numbers))
        self.offered.append(entry.number)
        gone = self.outbox.offer(entry)
        if gone is not None:
            self.gone.append(gone.number)

    @rule(most=st.integers(1, 4))
    def take_a_batch_of_which_nothing_is_known(self, most: int) -> None:
        before = self.under_way
        self.under_way = self.outbox.batch(most)
        if before:
            assert self.under_way == before

    @precondition(lambda self: self.under_way)
    @rule()
    def settle_the_first(self) -> None:
        entry = self.under_way.pop(0)
        self.outbox.settle(entry)
        self.settled.append(entry.number)

    @invariant()
    def the_books_balance(self) -> None:
        assert len(self.offered) == len(self.gone) + len(self.settled) + len(self.outbox)
        assert len(self.outbox) <= BOUND

    @invariant()
    def order_is_kept_and_what_is_under_way_never_goes(self) -> None:
        assert self.settled == sorted(self.settled)
        assert not {entry.number for entry in self.under_way} & set(self.gone)

    def teardown(self) -> None:
        left = [entry.number for entry in self.outbox.abandon()]
        assert sorted(self.gone + self.settled + left) == self.offered
        assert left == sorted(left)
        assert len(self.outbox) == 0


TestBuffer = Buffer.TestCase


def test_beyond_the_bound_the_oldest_goes() -> None:
    outbox: Outbox[Numbered] = Outbox(3)
    entries = [Numbered(number) for number in range(5)]
    assert [outbox.offer(entry) for entry in entries] == [None, None, None, entries[0], entries[1]]


def test_what_is_under_way_outlives_what_is_newer() -> None:
    outbox: Outbox[Numbered] = Outbox(2)
    first, second, third = (Numbered(number) for number in range(3))
    outbox.offer(first)
    outbox.offer(second)
    assert outbox.batch(10) == [first, second]
    assert outbox.offer(third) is third


@given(st.integers(1, 30), st.integers(0, 60))
def test_the_publisher_counts_what_goes(bound: int, offered: int) -> None:
    counters = Counters()
    config = RedisConfig(url="redis://127.0.0.1:1", buffer=bound)
    publisher = Publisher(config, counters, connect(config), lambda: 0.0)
    for number in range(offered):
        publisher.offer(embedding(number))
    assert counters.by_reason(Metric.WINDOWS_DROPPED).get(Drop.BUFFER, 0) == max(0, offered - bound)
    assert len(publisher) == min(offered, bound)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("LOADING Redis is loading the dataset in memory", Verdict.RETRY),
        ("OOM command not allowed when used memory > 'maxmemory'.", Verdict.RETRY),
        (
            "MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk",
            Verdict.RETRY,
        ),
        ("READONLY You can't write against a read only replica.", Verdict.RETRY),
        ("CLUSTERDOWN The cluster is down", Verdict.RETRY),
        ("MASTERDOWN Link with MASTER is down", Verdict.RETRY),
        ("NOREPLICAS Not enough good replicas to write.", Verdict.RETRY),
        ("BUSY Redis is busy running a script.", Verdict.RETRY),
        ("TRYAGAIN Multiple keys request during rehashing of slot", Verdict.RETRY),
        ("EXECABORT Transaction discarded because of previous errors.", Verdict.RETRY),
        ("ERR max number of clients reached", Verdict.RETRY),
        ("NOAUTH Authentication required.", Verdict.RETRY),
        ("WRONGPASS invalid username-password pair or user is disabled.", Verdict.RETRY),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", Verdict.FINAL),
        ("NOPERM User cam has no permissions to access one of the keys", Verdict.FINAL),
        ("ERR unknown command 'XADD', with args beginning with:", Verdict.FINAL),
        ("ERR The ID specified in XADD is equal or smaller than the target stream top item", Verdict.OLDER),
    ],
)
def test_each_answer_of_a_server_has_a_meaning(reply: str, verdict: Verdict) -> None:
    error = BaseParser.parse_error(reply)  # type: ignore[no-untyped-call] # redis-py's own, for real errors
    assert classify(error) is verdict


@pytest.mark.parametrize(
    "error", [redis.ConnectionError("cut"), redis.TimeoutError("late"), ConnectionResetError(104, "reset")]
)
def test_a_connection_that_fails_is_tried_again(error: Exception) -> None:
    assert classify(error) is Verdict.RETRY


def test_an_error_within_a_pipeline_is_told_from_its_command() -> None:
    text = "Command # 1 (XADD livevec:dock:scene ...) of pipeline caused error: WRONGTYPE Operation against"
    assert classify(redis.ResponseError(text)) is Verdict.FINAL


def test_no_password_stands_in_an_error() -> None:
    config = RedisConfig(url="redis://viewer:s3cret@127.0.0.1:6379/0")
    text = str(redis_error(config, redis.ConnectionError("Error 111 connecting to 127.0.0.1:6379.")))
    assert "127.0.0.1:6379" in text
    assert "s3cret" not in text
