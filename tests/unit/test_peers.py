"""A peer that is missing skips a test, or fails it where all must be there."""

from __future__ import annotations

import pytest

from tests.peers import require_peer


def test_a_missing_peer_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVEVEC_ALL_PEERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="a browser is not installed"):
        require_peer("a browser", found=False)


def test_a_missing_peer_fails_where_all_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEVEC_ALL_PEERS", "1")
    with pytest.raises(pytest.fail.Exception, match="a browser is not installed"):
        require_peer("a browser", found=False)


def test_a_peer_that_is_there_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEVEC_ALL_PEERS", "1")
    require_peer("a browser", found=True)
