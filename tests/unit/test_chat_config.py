"""`chat = { … }`: what it accepts, what is said of a mistake, and what `livevec check` tells of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stream.config import Config, load
from stream.errors import ConfigError
from tests.captions import KEY
from workers.check import account, verify

TABLE = """\
[[cameras]]
id = "dock"
url = "rtsp://dock.example/1"

[[embedders]]
name = "words"
model = "{model}"
{more}
chat = {{ {chat} }}
"""

URL = 'url = "https://models.example/v1"'


def configured(folder: Path, chat: str = URL, *, model: str = "chat:gpt-4o", more: str = "") -> Config:
    path = folder / "livevec.toml"
    path.write_text(TABLE.format(model=model, chat=chat, more=more))
    return load(path, {"KEY": KEY, "EMPTY": ""})


def told(config: Config) -> list[str]:
    return list(account(config, verify(config)))


def test_an_url_and_a_model_are_enough(tmp_path: Path) -> None:
    (words,) = configured(tmp_path, 'url = "https://models.example/v1/"').embedders
    assert words.chat is not None
    assert (words.chat.url, words.chat.api_key) == ("https://models.example/v1", None)
    assert words.local is None


@pytest.mark.parametrize(
    ("chat", "more", "why"),
    [
        ('url = "ftp://models.example"', "", "chat.url: must be http://HOST/"),
        ('url = "https://"', "", "chat.url: must be http://HOST/"),
        ('url = "https://me:pw@models.example/v1"', "", "chat.url: must hold no user, password"),
        ('url = "https://models.example/v1?key=pw"', "", "chat.url: must hold no user, password"),
        (URL + ', api_key = "${EMPTY}"', "", "chat.api_key: must be visible ASCII"),
        (URL + ', api_key = "${KEY} ${KEY}"', "", "chat.api_key: must be visible ASCII"),
        (URL + ', api_key = "${NOT_SET}"', "", "chat.api_key: the environment variable NOT_SET is not set"),
        (URL + ", frames = 0", "", "chat.frames: must be greater than"),
        (URL + ", per_minut = 5", "", "chat.per_minut: unknown key; did you mean per_minute?"),
        (URL, 'weights = "random"', "chat: weights: of a caption's vector, for which chat.text"),
        (URL, 'extras = ["novelty"]', "chat: extras: of a caption's vector"),
        (URL, 'labels = ["a van"]', "chat: labels: of a caption's vector"),
    ],
)
def test_a_mistake_is_said_in_a_line_that_shows_no_secret(
    tmp_path: Path, chat: str, more: str, why: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, chat, more=more)
    (line,) = str(caught.value).splitlines()
    assert f"embedders.words.{why}" in line
    assert KEY not in line
    assert "pw" not in line


@pytest.mark.parametrize("model", ["efficientnet_lite0", "chat:"])
def test_the_table_is_only_for_a_chat_model(tmp_path: Path, model: str) -> None:
    with pytest.raises(ConfigError, match=r'embedders\.words\.chat: is only for model = "chat:NAME"'):
        configured(tmp_path, model=model)


def test_a_chat_model_needs_the_table() -> None:
    values: Any = {"cameras": [{"id": "a", "url": "a.mp4"}], "embedders": [{"name": "w", "model": "chat:x"}]}
    with pytest.raises(ConfigError, match=r'embedders\.w\.chat: is missing: model = "chat:x" needs at least'):
        load(None, {"LIVEVEC_EMBEDDERS": json.dumps(values["embedders"])}, {"cameras": values["cameras"]})


def test_check_explains_what_it_may_cost_and_never_shows_the_key(tmp_path: Path) -> None:
    chat = URL + ', api_key = "${KEY}", tokens_per_day = 50000, per_minute = 60, requests_per_day = 90000'
    lines = told(configured(tmp_path, chat))
    first = lines.index("  words: chat:gpt-4o, weights endpoint")
    assert lines[first + 1 : first + 7] == [
        "    captions, asked of https://models.example/v1 with a key",
        "    4 requests at once, 30 s for each",
        "    at most 60 requests a minute, 90,000 a day of UTC or 50,000 tokens, as it tells their use",
        "    a caption's vector: none",
        "    clips of 4 frames, from 1 frames a second",
        "    4 s every 1 s: 4 frames a window",
    ]
    assert not [line for line in lines if KEY in line or line.startswith("warning")]


@pytest.mark.parametrize(
    ("chat", "warning"),
    [
        (URL, "words: a live camera has 60 windows a minute, chat.per_minute is 20: the others are dropped"),
        (
            URL + ", per_minute = 60",
            "words: a live camera has 86,400 windows a day, chat.requests_per_day is 1,000: the others",
        ),
        (
            'url = "http://gpu.example:8000/v1", api_key = "${KEY}", per_minute = 60',
            "words: the key and the pictures travel unencrypted: http://gpu.example:8000/v1",
        ),
    ],
)
def test_check_warns_of_costs_and_dangers(tmp_path: Path, chat: str, warning: str) -> None:
    assert any(line.startswith(f"warning: {warning}") for line in told(configured(tmp_path, chat)))


def test_check_looks_at_the_text_tower(tmp_path: Path) -> None:
    tower = 'text = "open_clip:ViT-B-32/laion2b_s34b_b79k"'
    config = configured(tmp_path, f"{URL}, {tower}")
    (line,) = [line for line in told(config) if "vector" in line]
    assert line == "    a caption's vector: of the text tower of open_clip:ViT-B-32/laion2b_s34b_b79k"
    assert config.embedders[0].local is not None
    assert config.embedders[0].local.model == "open_clip:ViT-B-32/laion2b_s34b_b79k"
    with pytest.raises(ConfigError, match=r"embedders\.words: chat\.text: .* has no text tower"):
        verify(configured(tmp_path, f'{URL}, text = "c3d"', more='weights = "random"'))
