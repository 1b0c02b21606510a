"""The keys that say which weights a model has, and how pictures are fitted to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.config import EmbedderConfig, load_embedders
from stream.errors import ConfigError

SHA256 = "0123456789ABCDEFabcdef" + "0" * 42


def embedders(file: Path, more: str) -> tuple[EmbedderConfig, ...]:
    file.write_text(f'[[embedders]]\nname = "scene"\nmodel = "efficientnet_lite0"\n{more}\n')
    return load_embedders(file, {})


def test_a_hash_and_a_fit_are_optional(tmp_path: Path) -> None:
    (plain,) = embedders(tmp_path / "livevec.toml", "")
    assert (plain.sha256, plain.fit) == (None, None)
    (full,) = embedders(tmp_path / "livevec.toml", f'sha256 = "{SHA256}"\nfit = "pad"')
    assert (full.sha256, full.fit) == (SHA256.lower(), "pad")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('sha256 = "abc"', "embedders.scene.sha256: must be 64 hex digits"),
        (f'sha256 = "{SHA256[:-1]}g"', "embedders.scene.sha256: must be 64 hex digits"),
        (f'weights = "random"\nsha256 = "{SHA256}"', "embedders.scene.sha256: is of weights that are read"),
        ('fit = "stretch"', "embedders.scene.fit: must be 'crop', 'squash' or 'pad'"),
    ],
)
def test_a_slip_names_the_key(tmp_path: Path, more: str, says: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        embedders(tmp_path / "livevec.toml", more)
    assert says in str(refusal.value)


def test_who_looks_at_models_needs_no_cameras_nor_their_passwords(tmp_path: Path) -> None:
    file = tmp_path / "livevec.toml"
    (one,) = embedders(file, '\n[[cameras]]\nid = "dock"\nurl = "rtsp://u:${UNSET}@dock.example/1"')
    assert one.name == "scene"
