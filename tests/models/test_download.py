"""Weights that must be fetched: whole and right, or one sentence that says what to do."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torchvision.models import get_model

from stream.errors import ModelError
from workers.models.download import from_url
from workers.models.spec import Spec

SPEC = Spec.parse("torchvision:r3d_18", "auto")
CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a loopback server that has `net.pth`; torch.hub's cache is an empty folder."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "net.pth").write_bytes(CONTENT)
    handler = partial(Silent, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever)  # noqa: TID251 - a peer, no part of the program
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def cached(tmp_path: Path) -> list[str]:
    return sorted(file.name for file in (tmp_path / "cache").rglob("*") if file.is_file())


def test_a_download_is_kept_and_not_repeated(server: str, tmp_path: Path) -> None:
    file = from_url(SPEC, f"{server}/net.pth", SHA256[:8])
    assert file.read_bytes() == CONTENT
    assert cached(tmp_path) == ["net.pth"]
    assert from_url(SPEC, "http://127.0.0.1:1/net.pth") == file  # where nobody listens


def test_a_download_with_another_hash_is_thrown_away(server: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"its SHA-256 begins {SHA256[:8]}, not 00000000"):
        from_url(SPEC, f"{server}/net.pth", "00000000")
    assert cached(tmp_path) == []


def test_a_file_that_is_not_there_is_named_with_the_way_out(server: str, tmp_path: Path) -> None:
    url = f"{server}/other.pth"
    with pytest.raises(ModelError, match=f"{url} cannot be had: .*404.*other.pth, or say weights = "):
        from_url(SPEC, url)
    assert cached(tmp_path) == []


def without_network(tmp_path: Path, **more: str) -> dict[str, str]:
    """Whatever this machine can reach: every address is behind a proxy that nobody runs."""
    nobody = "http://127.0.0.1:1"
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), nobody)
    caches = {"HF_HOME": str(tmp_path / "hf"), "TORCH_HOME": str(tmp_path / "torch")}
    unset = {"no_proxy", "NO_PROXY", "HF_HUB_OFFLINE"}
    return {key: value for key, value in os.environ.items() if key not in unset} | proxies | caches | more


def load_in_a_process(model: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    code = f"""
from stream.errors import ModelError
from workers.models import load
try:
    print(load({model!r}, "auto", "cpu").card)
except ModelError as error:
    print(error)
"""
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=50, check=True
    )


@pytest.mark.parametrize(
    ("model", "offline", "says"),
    [
        ("open_clip:ViT-B-32/laion2b_s34b_b79k", "0", "Connection refused"),
        ("open_clip:ViT-B-32/laion2b_s34b_b79k", "1", "HF_HUB_OFFLINE is set"),
        ("torchvision:r3d_18/KINETICS400_V1", "0", "Connection refused"),
        ("timm:resnet18/a1_in1k", "0", "Connection refused"),
    ],
)
def test_without_network_one_line_says_what_and_what_to_do(
    model: str, offline: str, says: str, tmp_path: Path
) -> None:
    result = load_in_a_process(model, without_network(tmp_path, HF_HUB_OFFLINE=offline))
    assert result.stderr == ""
    (line,) = result.stdout.splitlines()
    assert line.startswith(f'model = "{model}": https://')
    assert says in line
    assert 'say weights = "/path/to/it"' in line
    assert 'weights = "random"' in line


def test_a_checkpoint_in_torch_hubs_cache_needs_no_network(tmp_path: Path) -> None:
    checkpoints = tmp_path / "torch" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    torch.save(get_model("r3d_18").state_dict(), checkpoints / "r3d_18-b3b3357e.pth")
    result = load_in_a_process("torchvision:r3d_18/KINETICS400_V1", without_network(tmp_path))
    assert result.stderr == ""
    assert "weights='KINETICS400_V1'" in result.stdout


@pytest.mark.parametrize("offline", ["0", "1"])
def test_a_checkpoint_in_the_hubs_cache_needs_no_network(offline: str, tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hf" / "hub" / "models--timm--resnet18.a1_in1k"
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    save_file(timm.create_model("resnet18").state_dict(), snapshot / "model.safetensors")
    result = load_in_a_process("timm:resnet18/a1_in1k", without_network(tmp_path, HF_HUB_OFFLINE=offline))
    assert result.stderr == ""
    assert "weights='a1_in1k'" in result.stdout
