"""A log line is one line, in one order, and shows no password."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from workers.console import redacted, set_up_logging

URL = "rtsp://viewer:hunter2@dock/1"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("style", ["json", "console"])
def test_secrets_are_masked_wherever_they_stand(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({"LIVEVEC_LOG": style})
    structlog.get_logger().warning(f"lost {URL}", url=URL, all=[URL], by_id={"dock": URL}, error=OSError(URL))
    said = capsys.readouterr().err
    assert "hunter2" not in said
    assert said.count("rtsp://***@dock/1") == 5
    assert said.count("\n") == 1


def test_json_begins_with_the_time_the_level_and_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({"LIVEVEC_LOG": "json"})
    structlog.get_logger().info("connected", camera="dock", session=1, live=True)
    fields = json.loads(capsys.readouterr().err)
    assert list(fields) == ["timestamp", "level", "event", "camera", "session", "live"]
    assert (fields["event"], fields["session"], fields["live"]) == ("connected", 1, True)


def test_only_warnings_are_said_where_a_progress_bar_tells_the_rest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging({}, only_warnings=True)
    structlog.get_logger().info("loading model")
    structlog.get_logger().warning("untrained weights")
    assert "loading" not in (said := capsys.readouterr().err)
    assert "untrained weights" in said


def test_a_text_keeps_all_but_the_secrets_of_its_urls() -> None:
    text = f"tried {URL}, then 'redis://:hunter2@store:6379/0' at 12:30: a:b@c"
    assert redacted(text) == "tried rtsp://***@dock/1, then 'redis://***@store:6379/0' at 12:30: a:b@c"
