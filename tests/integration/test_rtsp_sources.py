"""Live cameras by two independent RTSP servers, and one that misbehaves by script."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from stream.config import CameraConfig
from stream.errors import Code, SourceError
from stream.frames import Clock
from stream.sources.ffmpeg import Picture, open_video
from tests.media import read_index, write_video
from tests.peers import GstServer, RtspServer, Server
from tests.peers.scripted import (
    Script,
    describe,
    drip,
    garbage,
    hang_up,
    mute,
    redirect_to_itself,
    scripted_server,
    status,
)
from tests.playback import resources

pytestmark = pytest.mark.integration

FPS = 25
FRAMES = 250  # 10 s of numbers, then they begin again
PICTURES = 50  # two GOPs
OPEN_S = 1.0
READ_S = 1.0
SLACK_S = 1.0  # for two busy cores
now = time.monotonic  # any clock in seconds will do here

SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=café\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:0\r\n"
)


def camera(url: str, transport: str = "tcp") -> CameraConfig:
    return CameraConfig.model_validate(
        {
            "id": "dock-3",
            "url": url,
            "transport": transport,
            "open_timeout_s": OPEN_S,
            "read_timeout_s": READ_S,
        }
    )


def patient(url: str, transport: str = "tcp") -> CameraConfig:
    """For servers of which good behaviour is expected, however busy the machine."""
    return camera(url, transport).model_copy(update={"open_timeout_s": 20.0, "read_timeout_s": 10.0})


def failure(config: CameraConfig, at_first_picture: Callable[[], object] = lambda: None) -> SourceError:
    """How it ends to play a camera."""
    with pytest.raises(SourceError) as failed:
        play(config, at_first_picture)
    assert str(failed.value).startswith("camera dock-3: rtsp://")
    return failed.value


def play(config: CameraConfig, at_first_picture: Callable[[], object]) -> None:
    with open_video(config, now) as video:
        for place, _ in enumerate(video.pictures()):
            if place == 0:
                at_first_picture()


@pytest.fixture(scope="module", params=[GstServer, RtspServer])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A camera whose pictures are numbered, by each of the servers."""
    folder = tmp_path_factory.mktemp("camera")
    with request.param(write_video(folder / "numbers.mp4", FRAMES)) as running:
        yield running


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pictures_come_in_order_and_at_their_times(server: Server, transport: str) -> None:
    with open_video(patient(server.url, transport), now) as video:
        pictures = list(itertools.islice(video.pictures(), PICTURES))
        numbers = [read_index(picture.scaled(112)) for picture in pictures]
    assert (video.info.codec, video.info.width, video.info.height) == ("h264", 160, 120)
    assert video.info.clock is Clock.ARRIVAL
    # The `rtsp` package's server skips or repeats a picture where it is late itself.
    steps = [(later - earlier) % FRAMES for earlier, later in itertools.pairwise(numbers)]
    assert sum(steps) == pytest.approx(PICTURES - 1, abs=5)
    assert all(step <= 3 for step in steps)
    assert seconds_between(pictures, "pts_s") == pytest.approx((PICTURES - 1) / FPS, abs=0.2)
    assert seconds_between(pictures, "arrived_at") == pytest.approx((PICTURES - 1) / FPS, abs=0.5)
    assert all(picture.decode_ms < 1000 for picture in pictures)


def seconds_between(pictures: list[Picture], clock: str) -> float:
    return float(getattr(pictures[-1], clock) - getattr(pictures[0], clock))


def test_every_picture_of_a_camera_with_b_frames_comes_once(tmp_path: Path) -> None:
    with GstServer(write_video(tmp_path / "b.mp4", FRAMES, b_frames=2)) as server:
        with open_video(patient(server.url), now) as video:
            pictures = list(itertools.islice(video.pictures(), PICTURES))
            numbers = [read_index(picture.scaled(112)) for picture in pictures]
        assert numbers == list(range(numbers[0], numbers[0] + PICTURES))
        assert [picture.pts_s for picture in pictures] == sorted(picture.pts_s for picture in pictures)


def test_a_camera_that_dies_is_noticed_and_can_come_back(tmp_path: Path) -> None:
    with GstServer(write_video(tmp_path / "numbers.mp4", FRAMES)) as server:
        died = failure(patient(server.url), at_first_picture=server.kill)
        assert (died.code, died.final) == (Code.CLOSED, False)
        assert failure(camera(server.url)).code is Code.REFUSED
        server.start()
        with open_video(patient(server.url), now) as video:
            assert read_index(next(video.pictures()).scaled(112)) < FRAMES


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_camera_that_hangs_is_noticed_after_the_read_time_out(tmp_path: Path, transport: str) -> None:
    with GstServer(write_video(tmp_path / "numbers.mp4", FRAMES)) as server:
        config = patient(server.url, transport).model_copy(update={"read_timeout_s": READ_S})
        paused_at = 0.0

        def pause() -> None:
            nonlocal paused_at
            server.pause()
            paused_at = now()

        hung = failure(config, at_first_picture=pause)
        assert hung.code is Code.TIMEOUT
        assert READ_S <= now() - paused_at < READ_S + SLACK_S


def test_the_right_password_opens_and_a_wrong_one_is_final_and_not_shown(tmp_path: Path) -> None:
    password = "p@ss w/rd"  # noqa: S105 # of this test's own server
    video = write_video(tmp_path / "numbers.mp4", FRAMES)
    with GstServer(video, user="viewer", password=password) as server:
        login = f"viewer:{quote(password, safe='')}"
        with open_video(patient(server.url.replace("://", f"://{login}@")), now) as source:
            assert next(source.pictures()).pts_s >= 0
        for url in (server.url, server.url.replace("://", "://viewer:Hunter2@")):
            error = failure(patient(url))
            assert error.code is Code.UNAUTHORIZED
            assert error.final
            assert "Hunter2" not in str(error)


def test_a_path_that_is_not_there_may_come_yet(tmp_path: Path) -> None:
    with GstServer(write_video(tmp_path / "numbers.mp4", FRAMES)) as server:
        error = failure(patient(f"{server.url}/elsewhere"))
    assert (error.code, error.final) == (Code.NOT_FOUND, False)


@pytest.mark.parametrize(
    ("script", "code", "final"),
    [
        (mute, Code.TIMEOUT, False),
        (drip, Code.TIMEOUT, False),
        (redirect_to_itself, Code.TIMEOUT, False),
        (describe(SDP.encode()), Code.TIMEOUT, False),  # and then not one packet
        (hang_up, Code.INVALID_STREAM, False),
        (garbage, Code.INVALID_STREAM, False),
        (describe(b""), Code.INVALID_STREAM, False),
        (describe(bytes(range(256))), Code.NO_VIDEO, False),
        (
            describe(SDP.replace("video", "audio").replace("H264/90000", "PCMU/8000").encode()),
            Code.NO_VIDEO,
            False,
        ),
        (describe(SDP.replace("H264", "XYZ9").encode()), Code.UNSUPPORTED, False),
        (status("401 Unauthorized"), Code.UNAUTHORIZED, True),
        (status("403 Forbidden"), Code.FORBIDDEN, True),
        (status("404 Not Found"), Code.NOT_FOUND, False),
        (status("500 Internal Server Error"), Code.SERVER_ERROR, False),
        (status("453 Not Enough Bandwidth"), Code.SERVER_ERROR, False),
    ],
)
def test_misbehaviour_ends_in_time_with_a_code_and_without_the_password(
    script: Script, code: Code, final: bool
) -> None:
    with scripted_server(script, login="viewer:Hunter2@") as url:
        began = now()
        error = failure(camera(url))
    assert (error.code, error.final) == (code, final)
    assert "Hunter2" not in str(error)
    assert now() - began < 2 * OPEN_S + READ_S + SLACK_S


def test_a_session_name_in_another_encoding_does_no_harm() -> None:
    """Many cameras describe themselves in Latin-1."""
    with scripted_server(describe(SDP.encode("latin-1"))) as url, open_video(camera(url), now) as video:
        assert video.info.codec == "h264"


def test_an_unknown_host_is_unreachable() -> None:
    assert failure(camera("rtsp://no-such-host.invalid/live")).code is Code.UNREACHABLE


def test_session_after_session_leaves_no_thread_and_no_descriptor(server: Server) -> None:
    play_once(server.url)
    before = resources()
    for _ in range(5):
        play_once(server.url)
        failure(camera("rtsp://127.0.0.1:1/live"))
    assert resources() == before


def play_once(url: str) -> None:
    with open_video(patient(url), now) as video:
        next(video.pictures())
