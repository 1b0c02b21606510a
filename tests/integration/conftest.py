"""Real servers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.redis_server import DEBIANS_REDIS, VALKEY, RedisServer, program_of


@pytest.fixture(params=[VALKEY, DEBIANS_REDIS])
def redis_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(program_of(request.param), tmp_path) as server:
        yield server
