"""What the configuration accepts, where its values come from, and what a mistake in it is answered with."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.config import Config, EmbedderConfig, WindowConfig, load, load_redis, unknown_variables
from stream.errors import ConfigError

AWKWARD = "hunter2/0:x"  # what people do put into passwords: it breaks a URL in two places

GOOD = """\
[[cameras]]
id = "dock-3"
url = "rtsp://viewer:pw@dock-3.example/stream1"

[[embedders]]
name = "scene"
model = "open_clip:ViT-B-32/laion2b_s34b_b79k"
fps = 2
windows = [{ span_s = 4, hop_s = 1 }, { span_s = 60, hop_s = 5 }]
"""

CAMERA = '[[cameras]]\nid = "dock-3"\nurl = "clip.mp4"\n'
EMBEDDER = '[[embedders]]\nname = "scene"\nmodel = "efficientnet_lite0"\n'


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "livevec.toml"


def loaded(path: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    path.write_text(text)
    return load(path, environ or {})


def refusal(path: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The lines of the error, without the folder that the test happens to use."""
    with pytest.raises(ConfigError) as caught:
        loaded(path, text, environ)
    return str(caught.value).replace(str(path), "livevec.toml").splitlines()


def test_the_design_pages_example_is_taken_and_gets_its_defaults(written: Path) -> None:
    config = loaded(written, GOOD)
    assert config.cameras[0].id == "dock-3"
    assert config.cameras[0].transport == "tcp"
    assert config.embedders[0].windows[1] == WindowConfig(span_s=60, hop_s=5)
    assert config.embedders[0].min_coverage == 0.5
    assert (config.device, config.redis.url, config.redis.prefix) == ("auto", "embedded", "livevec")


SLIPS = {
    # a slip in the file: the one line that answers it
    CAMERA + EMBEDDER + "fbs = 2": "embedders.scene.fbs: unknown key; did you mean fps?",
    CAMERA + EMBEDDER + "zzz = 2": (
        "embedders.scene.zzz: unknown key; known: " + ", ".join(EmbedderConfig.model_fields)
    ),
    "devise = 'cpu'\n" + CAMERA + EMBEDDER: "devise: unknown key; did you mean device?",
    CAMERA + EMBEDDER + "[redis]\nurrl = ''": "redis.urrl: unknown key; did you mean url?",
    CAMERA + EMBEDDER + "windows = [{ span_s = 4, hop = 1, hop_s = 1 }]": (
        "embedders.scene.windows[0].hop: unknown key; did you mean hop_s?"
    ),
    CAMERA + EMBEDDER + "'no key' = 1": (
        'embedders.scene."…": unknown key; known: ' + ", ".join(EmbedderConfig.model_fields)
    ),
    CAMERA + EMBEDDER + "fps = 'two'": "embedders.scene.fps: must be a valid number",
    CAMERA + EMBEDDER + "fps = true": "embedders.scene.fps: must not be true or false",
    CAMERA + EMBEDDER + "fps = 0": "embedders.scene.fps: must be greater than 0",
    CAMERA + EMBEDDER + "fps = -2": "embedders.scene.fps: must be greater than 0",
    CAMERA + EMBEDDER + "fps = 1000": "embedders.scene.fps: must be less than or equal to 120",
    CAMERA + EMBEDDER + "max_batch = 1.5": (
        "embedders.scene.max_batch: must be a valid integer, got a number with a fractional part"
    ),
    CAMERA + EMBEDDER + "pooling = 'median'": (
        "embedders.scene.pooling: must be 'mean', 'max', 'last', 'ema', 'gem', 'attention' or 'none'"
    ),
    CAMERA + EMBEDDER + "pooling = 'ema'\nhalf_life_s = 0": (
        "embedders.scene.half_life_s: must be greater than or equal to 0.001"
    ),
    CAMERA + EMBEDDER + "pooling = 'gem'\ngem_p = 17": (
        "embedders.scene.gem_p: must be less than or equal to 16"
    ),
    CAMERA + EMBEDDER + "pooling = 'mean'\ntemperature = 0.2": (
        'embedders.scene.temperature: is only for pooling = "attention"'
    ),
    CAMERA + EMBEDDER + "half_life_s = 2": 'embedders.scene.half_life_s: is only for pooling = "ema"',
    CAMERA + EMBEDDER + "pooling = 'none'\nwindows = [{ span_s = 4, hop_s = 1 }]": (
        'embedders.scene.windows: must be left out with pooling = "none": every frame is its own'
    ),
    CAMERA + EMBEDDER + "extras = ['speed']": "embedders.scene.extras[0]: must be 'motion' or 'novelty'",
    CAMERA + EMBEDDER + "min_coverage = 1.5": "embedders.scene.min_coverage: must be less than or equal to 1",
    CAMERA + EMBEDDER + "windows = []": "embedders.scene.windows: must not be empty",
    CAMERA + EMBEDDER + "windows = 4": "embedders.scene.windows: must be a list",
    CAMERA + EMBEDDER + "windows = [4]": "embedders.scene.windows[0]: must be a table",
    CAMERA + EMBEDDER + "windows = [{ span_s = 4 }]": "embedders.scene.windows[0].hop_s: is missing",
    CAMERA + EMBEDDER + "windows = [{ span_s = 0, hop_s = 1 }]": (
        "embedders.scene.windows[0].span_s: must be greater than 0"
    ),
    CAMERA + EMBEDDER + "windows = [{ span_s = 1, hop_s = -1 }]": (
        "embedders.scene.windows[0].hop_s: must be greater than 0"
    ),
    CAMERA + EMBEDDER + "windows = [{ span_s = nan, hop_s = 1 }]": (
        "embedders.scene.windows[0].span_s: must be a finite number"
    ),
    CAMERA + EMBEDDER + "windows = [{ span_s = 1, hop_s = 0.0001 }]": (
        "embedders.scene.windows[0].hop_s: must be at least 0.001"
    ),
    CAMERA + EMBEDDER + "fps = 2\nwindows = [{ span_s = 0.4, hop_s = 1 }]": (
        "embedders.scene.windows: a window of 0.4 s is shorter than one sample at 2 fps"
    ),
    CAMERA + EMBEDDER + "windows = [{ span_s = 4, hop_s = 1 }, { span_s = 4, hop_s = 2 }]": (
        "embedders.scene.windows: the span_s of one embedder's windows must differ: 4 stands more than once"
    ),
    CAMERA + CAMERA + EMBEDDER: "cameras: ids must differ: dock-3 stands more than once",
    CAMERA + EMBEDDER + EMBEDDER: "embedders: names must differ: scene stands more than once",
    CAMERA + "starts_at = inf\n" + EMBEDDER: "cameras.dock-3.starts_at: must be a finite number",
    CAMERA + "transport = 'quic'\n" + EMBEDDER: "cameras.dock-3.transport: must be 'tcp' or 'udp'",
    CAMERA.replace("dock-3", "dock 3") + EMBEDDER: (
        "cameras[0].id: must be 1 to 64 letters (A-Z, a-z), digits, _ or -"
    ),
    CAMERA.replace("dock-3", "x" * 65) + EMBEDDER: (
        "cameras[0].id: must be 1 to 64 letters (A-Z, a-z), digits, _ or -"
    ),
    "[[cameras]]\nid = 'dock-3'\n" + EMBEDDER: "cameras.dock-3.url: is missing",
    CAMERA: "embedders: none configured: add an [[embedders]] table",
    EMBEDDER: "cameras: none configured: add a [[cameras]] table, or use --camera ID=URL",
    "cameras = []\n" + EMBEDDER: "cameras: none configured: add a [[cameras]] table, or use --camera ID=URL",
    "cameras = 'clip.mp4'\n" + EMBEDDER: "cameras: must be a list",
    "device = 'gpu'\n" + CAMERA + EMBEDDER: "device: must be auto, cpu, cuda or cuda:N",
    CAMERA + EMBEDDER + "[redis]\nprefix = 'a b'": (
        "redis.prefix: must be 1 to 64 letters (A-Z, a-z), digits, _, - or :"
    ),
    CAMERA + EMBEDDER + "[redis]\nurl = 'http://h'": (
        "redis.url: must be embedded, redis://HOST, rediss://HOST or unix:///PATH"
    ),
    CAMERA + EMBEDDER + "[redis]\nurl = 'redis://'": (
        "redis.url: must be embedded, redis://HOST, rediss://HOST or unix:///PATH"
    ),
    CAMERA + EMBEDDER + f"[redis]\nurl = 'redis://u:{AWKWARD}@h'": (
        "redis.url: is not a URL; percent-encode what is special in a password"
    ),
    CAMERA + EMBEDDER + "[redis]\nmaxlen = 0": "redis.maxlen: must be greater than 0",
    CAMERA + EMBEDDER + "[reconnect]\nmin_s = 60": "reconnect: max_s (10) must not be less than min_s (60)",
    "redis = 3\n" + CAMERA + EMBEDDER: "redis: must be a table",
    CAMERA.replace("clip.mp4", "rtsp://u:${DOCK_PASSWORD}@h") + EMBEDDER: (
        "cameras.dock-3.url: the environment variable DOCK_PASSWORD is not set"
    ),
    CAMERA.replace("clip.mp4", "rtsp://u:${DOCK@h") + EMBEDDER: (
        "cameras.dock-3.url: ${ without a variable's name and a }; write $${ where ${ is meant"
    ),
}


@pytest.mark.parametrize(("text", "answer"), SLIPS.items(), ids=SLIPS.values())
def test_a_slip_is_answered_with_one_line_that_names_the_key(written: Path, text: str, answer: str) -> None:
    assert refusal(written, text) == [f"livevec.toml: {answer}"]


@pytest.mark.parametrize(
    "url", ["concat:a|b", "subfile,,start,0,end,9,,:x", "ftp://h/x", "data:video/mp4,x", ""]
)
def test_kinds_of_url_that_ffmpeg_knows_and_livevec_does_not_are_refused(written: Path, url: str) -> None:
    (line,) = refusal(written, CAMERA.replace("clip.mp4", url) + EMBEDDER)
    assert line.startswith("livevec.toml: cameras.dock-3.url: ")


def test_all_mistakes_are_told_at_once(written: Path) -> None:
    text = CAMERA + "transport = 'x'\n" + EMBEDDER + "fps = 0\nname2 = ''\n[redis]\nmaxlen = 0"
    assert refusal(written, text) == [
        "livevec.toml: redis.maxlen: must be greater than 0",
        "livevec.toml: cameras.dock-3.transport: must be 'tcp' or 'udp'",
        "livevec.toml: embedders.scene.fps: must be greater than 0",
        "livevec.toml: embedders.scene.name2: unknown key; did you mean name?",
    ]


def test_what_is_no_toml_is_told_with_its_line(written: Path) -> None:
    (line,) = refusal(written, CAMERA + "id : 3")
    assert line.startswith("livevec.toml: not TOML: ")
    assert "(at line 4, column 4)" in line


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'device = "\xe9"')
    for name, why in {
        "none.toml": "No such file or directory",
        ".": "Is a directory",
        "latin.toml": "byte 10 is not UTF-8",
    }.items():
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / name, {})
        assert str(caught.value) == f"{tmp_path / name}: {why}"


def test_a_byte_order_mark_does_no_harm(written: Path) -> None:
    written.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load(written, {}).cameras[0].id == "dock-3"


def test_variables_stand_for_secrets_anywhere_in_a_string(written: Path) -> None:
    text = CAMERA.replace("clip.mp4", "rtsp://${WHO}:${_P1}@h/$x/$${WHO}") + EMBEDDER + 'fps = "${FPS}"'
    config = loaded(written, text, {"WHO": "viewer", "_P1": "pw", "FPS": "3"})
    assert config.cameras[0].url == "rtsp://viewer:pw@h/$x/${WHO}"
    assert config.embedders[0].fps == 3


def test_what_a_variable_holds_is_not_expanded_again(written: Path) -> None:
    config = loaded(written, CAMERA.replace("clip", "${A}") + EMBEDDER, {"A": "${B}", "B": "no"})
    assert config.cameras[0].url == "${B}.mp4"


def test_the_command_line_comes_before_the_environment_before_the_file(written: Path) -> None:
    written.write_text(GOOD + "[redis]\nprefix = 'file'\nmaxlen = 7\nbuffer = 7")
    environ = {"LIVEVEC_REDIS__PREFIX": "environ", "LIVEVEC_REDIS__MAXLEN": "8"}
    config = load(written, environ, {"redis": {"prefix": "line"}})
    assert (config.redis.prefix, config.redis.maxlen, config.redis.buffer) == ("line", 8, 7)


def test_every_key_is_a_variable_too_and_lists_are_json() -> None:
    environ = {
        "LIVEVEC_DEVICE": "cpu",
        "LIVEVEC_CAMERAS": '[{"id": "a", "url": "rtsp://u:${PW}@h"}]',
        "LIVEVEC_EMBEDDERS": '[{"name": "s", "model": "efficientnet_lite0"}]',
        "LIVEVEC_QUEUES__FRAMES_PER_CAMERA": "3",
        "LIVEVEC_RECONNECT": '{"min_s": 1}',
        "PW": "pw",
    }
    config = load(None, environ)
    assert config.device == "cpu"
    assert config.cameras[0].url == "rtsp://u:pw@h"
    assert config.embedders[0].name == "s"
    assert (config.queues.frames_per_camera, config.reconnect.min_s) == (3, 1)


def test_a_mistake_is_laid_to_the_place_it_came_from(written: Path) -> None:
    environ = {"LIVEVEC_REDIS__MAXLEN": "many", "LIVEVEC_QUEUES": "{", "LIVEVEC_RECONNECT__MAX": "3"}
    written.write_text(GOOD + "[redis]\nbuffer = 0")
    with pytest.raises(ConfigError) as caught:
        load(written, environ, {"device": "gpu"})
    assert str(caught.value).splitlines() == [
        "LIVEVEC_QUEUES: is not JSON",
        "command line: device: must be auto, cpu, cuda or cuda:N",
        "LIVEVEC_REDIS__MAXLEN: redis.maxlen: must be a valid integer",
        f"{written}: redis.buffer: must be greater than 0",
        "LIVEVEC_RECONNECT__MAX: reconnect.max: unknown key; did you mean max_s?",
    ]


def test_variables_that_only_look_like_ours_are_left_to_be_warned_of(written: Path) -> None:
    kubernetes = {
        "LIVEVEC_PORT": "tcp://10.0.0.1:80",
        "LIVEVEC_SERVICE_HOST": "10.0.0.1",
        "LIVEVEC_DEVISE": "cpu",
    }
    known = {"LIVEVEC_DEVICE": "cpu", "LIVEVEC_REDIS__URL": "", "LIVEVEC_CAMERAS": "", "LIVEVEC_LOG": "json"}
    assert unknown_variables(kubernetes | known | {"HOME": "/"}) == list(kubernetes)
    assert loaded(written, GOOD, kubernetes) == loaded(written, GOOD)


def test_a_run_without_a_file_embeds_with_clip_and_a_video_model() -> None:
    config = load(None, {}, {"cameras": [{"id": "a", "url": "rtsp://h"}]})
    assert [(embedder.name, embedder.model, embedder.fps) for embedder in config.embedders] == [
        ("scene", "open_clip:ViT-B-32/laion2b_s34b_b79k", 2),
        ("action", "torchvision:r3d_18/KINETICS400_V1", None),
    ]


def test_a_file_without_embedders_gets_none_by_itself(written: Path) -> None:
    assert refusal(written, CAMERA) == [
        "livevec.toml: embedders: none configured: add an [[embedders]] table"
    ]


def test_who_only_reads_needs_neither_cameras_nor_their_passwords(written: Path) -> None:
    written.write_text("[redis]\nprefix = 'mine'\n" + CAMERA.replace("clip.mp4", "rtsp://u:${UNSET}@h"))
    redis = load_redis(written, {"LIVEVEC_REDIS__MAXLEN": "7"}, {"redis": {"url": "redis://h"}})
    assert (redis.prefix, redis.maxlen, redis.url) == ("mine", 7, "redis://h")


def test_a_printed_configuration_shows_no_url() -> None:
    url = "rtsp://u:hunter2@h"
    config = load(None, {"LIVEVEC_REDIS__URL": "redis://u:hunter2@h"}, {"cameras": [{"id": "a", "url": url}]})
    assert config.cameras[0].url == url
    assert "hunter2" not in repr(config) + str(config)


KEYS = ["id", "url", "transport", "open_timeout_s", "starts_at", "name", "model", "weights", "fps", "windows"]
TABLES = ["redis", "cameras", "embedders", "device", "queues", "reconnect", "windows"]
secrets = st.sampled_from(
    [
        f"rtsp://viewer:{AWKWARD}@camera",
        f"redis://:{AWKWARD}@h",
        f"viewer:{AWKWARD}",
        f"${{PASSWORD}} {AWKWARD}",
        "rtsp://viewer:${PASSWORD}@camera",
        "${PASSWORD}",
        "redis://:${PASSWORD}@h:${PASSWORD}",
    ]
)
values = st.recursive(
    secrets
    | st.fixed_dictionaries({"url": secrets})
    | st.booleans()
    | st.integers(-1, 2)
    | st.just("rtsp://h"),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS) | secrets, inner, max_size=3)
    ),
    max_leaves=8,
)
tables = st.dictionaries(st.sampled_from(TABLES), values, max_size=4)


@given(
    file=tables,
    line=tables,
    variables=st.dictionaries(st.sampled_from(TABLES), st.text(max_size=3) | secrets),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_mistake_of_any_kind_shows_a_password(
    tmp_path: Path, file: dict[str, object], line: dict[str, object], variables: dict[str, str]
) -> None:
    path = tmp_path / "livevec.toml"
    path.write_text("".join(f"{json.dumps(key)} = {_inline(value)}\n" for key, value in file.items()))
    environ = {f"LIVEVEC_{name.upper()}": value for name, value in variables.items()} | {
        "PASSWORD": "hunter2"
    }
    told = _told_of(path, environ, line)
    assert "hunter2" not in told


def _told_of(path: Path, environ: Mapping[str, str], line: Mapping[str, object]) -> str:
    """All that a user could come to see, with the traceback that a bug elsewhere would show."""
    try:
        return repr(load(path, environ, line))
    except ConfigError as error:
        return "".join(traceback.format_exception(error))


def _inline(value: object) -> str:
    """As TOML, where it differs from JSON."""
    match value:
        case dict():
            return (
                "{" + ", ".join(f"{json.dumps(key)} = {_inline(item)}" for key, item in value.items()) + "}"
            )
        case list():
            return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)
