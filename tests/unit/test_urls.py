"""URLs: what is taken, and that no password is ever shown."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import ConfigError
from stream.urls import Scheme, check_url, is_live, local_path, redact

# Long, and of letters that stand nowhere else in the URLs below: so that finding one means that it leaked.
secrets = st.text(st.characters(exclude_categories=["Cs"]), max_size=30).map(lambda text: f"QXZ{text}ZXQ")


def leaks(secret: str, shown: str) -> bool:
    return "QXZ" in shown or "ZXQ" in shown or secret in shown


@given(secrets, st.sampled_from(["rtsp", "rtsps", "http", "redis", "ReDiS+SeNtInEl"]))
def test_no_password_is_shown_as_it_is_typed(secret: str, scheme: str) -> None:
    """Also where it should have been percent-encoded and was not."""
    assert not leaks(secret, redact(f"{scheme}://viewer:{secret}@camera.example:554/live?channel=1"))


@given(secrets)
def test_no_password_is_shown_percent_encoded(secret: str) -> None:
    shown = redact(f"rtsp://viewer:{quote(secret, safe='')}@camera.example/live")
    assert not leaks(secret, shown)
    assert shown == "rtsp://***@camera.example/live"


@given(secrets, st.sampled_from(["password", "PWD", "usr", "access_token", "X-Amz-Signature", "apikey"]))
def test_no_secret_of_a_query_is_shown(secret: str, name: str) -> None:
    shown = redact(f"http://camera.example/video?channel=1&{name}={quote(secret, safe='')}&quality=2")
    assert not leaks(secret, shown)
    assert shown == f"http://camera.example/video?channel=1&{name}=***&quality=2"


@given(secrets)
def test_no_password_is_shown_of_a_url_whose_host_is_forgotten(secret: str) -> None:
    assert not leaks(secret, redact(f"rtsp://viewer:{quote(secret, safe='')}"))


@given(secrets, st.sampled_from(["concat:", "rtsp:/", "", "async:", "camera one rtsp://"]))
def test_no_password_is_shown_of_what_is_no_url(secret: str, start: str) -> None:
    assert not leaks(secret, redact(f"{start}viewer:{secret}@camera.example/live"))


@given(st.text())
def test_anything_can_be_redacted_and_gives_one_line(garbage: str) -> None:
    assert len(redact(garbage).splitlines()) <= 1


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://camera.example:554/Streaming/Channels/101",
        "rtsp://[fe80::1]:554/live",
        "http://camera.example/video.mp4?channel=1&subtype=0",
        "/recordings/dock 3/today.mp4",
        "file:///recordings/today.mp4",
        "mail@home.mp4",
    ],
)
def test_a_url_without_secrets_is_shown_as_it_is(url: str) -> None:
    assert redact(url) == url


def test_a_password_within_the_path_is_hidden() -> None:
    assert redact("rtsp://h:554/user=admin_password=tlJwpbo6_channel=1.sdp") == "rtsp://h:554/user=***"


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("rtsp://camera.example/live", Scheme.RTSP),
        ("RTSPS://camera.example:322/live", Scheme.RTSPS),
        ("rtsp://viewer:p%40ss@[::1]:554/live", Scheme.RTSP),
        ("http://camera.example/a.mp4", Scheme.HTTP),
        ("https://camera.example/a.mp4", Scheme.HTTPS),
        ("file:///a/b.mp4", Scheme.FILE),
        ("a/b.mp4", Scheme.FILE),
        ("./odd:name.mp4", Scheme.FILE),
    ],
)
def test_the_schemes_that_are_taken(url: str, scheme: Scheme) -> None:
    assert check_url(url) is scheme


@pytest.mark.parametrize(
    "url",
    [
        "concat:a.mp4|b.mp4",
        "subfile,,start,0,end,9,,:a.mp4",
        "async:rtsp://camera.example/live",
        "data:video/mp4;base64,AAAA",
        "crypto:a.mp4",
        "tee:a.mp4",
        "pipe:0",
        "udp://239.0.0.1:1234",
        "rtmp://camera.example/live",
        "rtsp:camera.example/live",
        "",
        "a\0b.mp4",
    ],
)
def test_other_schemes_and_ffmpegs_tricks_are_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        check_url(url)


@pytest.mark.parametrize("url", ["rtsp://", "rtsp://:554/live", "rtsp://h:99999/", "rtsp://u:pa/ss@h/live"])
def test_a_url_without_a_usable_host_is_refused_with_a_way_out(url: str) -> None:
    with pytest.raises(ConfigError, match="percent-encoded") as refused:
        check_url(url)
    assert "pa/ss" not in str(refused.value)


def test_only_rtsp_is_live() -> None:
    live = {
        url for url in ("rtsp://h/x", "rtsps://h/x", "http://h/x.mp4", "x.mp4", "file:/x") if is_live(url)
    }
    assert live == {"rtsp://h/x", "rtsps://h/x"}


@pytest.mark.parametrize(
    "url",
    [
        "/a dir/b#1.mp4",
        "file:///a%20dir/b%231.mp4",
        "file:/a%20dir/b%231.mp4",
        "file://localhost/a dir/b%231.mp4",
    ],
)
def test_a_file_is_found_by_path_and_by_url(url: str) -> None:
    assert local_path(url) == Path("/a dir/b#1.mp4")
