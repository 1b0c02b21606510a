"""`livevec models`: the list, the figures, and weights from a hub on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from tests.peers.hub import COMMITS, hub
from workers.models.efficientnet_lite0 import fetch
from workers.models.spec import Spec

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

REPOSITORY = "timm/tf_efficientnet_lite0.in1k"
LITE0 = "timm:tf_efficientnet_lite0/in1k"
NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def caches(tmp_path: Path) -> dict[str, str]:
    """Empty ones, and no way out of this machine."""
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOBODY)
    here = {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1", "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": NOBODY}
    return {"HF_HOME": str(tmp_path / "hf"), "TORCH_HOME": str(tmp_path / "torch")} | proxies | here


@pytest.fixture(scope="module")
def lite0_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained weights under timm's names, as timm's repository on the hub has them."""
    state = torch.load(fetch(Spec.parse("efficientnet_lite0", "auto")), weights_only=True)
    names = timm.create_model("tf_efficientnet_lite0").state_dict()
    file = tmp_path_factory.mktemp("hub") / REPOSITORY / "main" / "model.safetensors"
    file.parent.mkdir(parents=True)
    tensors = (tensor.contiguous() for tensor in state.values())
    save_file(dict(zip(names, tensors, strict=True)), file)
    (file.parents[1] / "v2").symlink_to("main")
    return file


@pytest.fixture
def endpoint(lite0_file: Path) -> Iterator[str]:
    with hub(lite0_file.parents[3]) as address:
        yield address


def models(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workers", "models", *arguments],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def facts(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_list_tells_what_each_model_is_and_where_its_weights_are(caches: dict[str, str]) -> None:
    done = models(**caches)
    assert (done.returncode, done.stderr) == (0, "")
    told = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert told["efficientnet_lite0"] == ["frames", "1280", "1", "yes", "packaged"]
    assert told["torchvision:r3d_18/KINETICS400_V1"] == ["clip", "512", "16", "yes", "to", "download"]
    assert told["open_clip:ViT-B-32/laion2b_s34b_b79k"] == ["frames", "512", "1", "yes", "to", "download"]
    assert told["timm:"][-4:] == ["livevec", "models", "--family", "timm"]


@pytest.mark.parametrize("command", [["--help"], ["list", "--help"], ["pull", "--help"]])
def test_help_starts_at_once(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "workers", "models", *command],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("Usage: livevec models ")
    assert not re.search(r"\| +(torch|rich|numpy|transformers)$", done.stderr, re.MULTILINE)


def test_a_name_or_a_family_narrows_the_list(caches: dict[str, str]) -> None:
    named = facts(models("R2PLUS", "i3d:*", "--json", **caches))
    assert {fact["model"] for fact in named} == {
        *("torchvision:r2plus1d_18/KINETICS400_V1", "i3d:32", "i3d:16"),
    }
    whole = facts(models("--family", "torchvision", "--json", **caches))
    assert {fact["family"] for fact in whole} == {"torchvision"}
    assert all(fact["kind"] == "clip" for fact in whole)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no-such-net"], "no model has no-such-net in its name; "),
        (["--family", "openclip"], 'there is no family "openclip"; nearest: open_clip'),
        (["--measure"], "models: which? name some, or a configuration with --config FILE"),
        (["--random"], "models: --random is for --measure"),
        (["pull", "timm:resnt50"], 'there is no timm model "resnt50"; nearest: resnet50'),
    ],
)
def test_what_is_asked_for_wrongly_is_answered_in_a_line_with_exit_code_2(
    arguments: list[str], says: str, caches: dict[str, str]
) -> None:
    done = models(*arguments, **caches)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert says in line


def test_measures_milliseconds_per_item_alone_and_in_the_configured_batch(
    tmp_path: Path, caches: dict[str, str]
) -> None:
    config = tmp_path / "livevec.toml"
    config.write_text('[[embedders]]\nname = "small"\nmodel = "timm:test_vit"\nmax_batch = 3\n')
    (fact,) = facts(
        models("--measure", "--random", "--config", str(config), "--rounds", "2", "--json", **caches)
    )
    assert (fact["model"], fact["weights"], fact["batch"]) == ("timm:test_vit", "random", 3)
    assert float(str(fact["ms_alone"])) > 0
    assert float(str(fact["ms_batched"])) > 0


def test_weights_are_fetched_once_and_told_with_their_hash(
    lite0_file: Path, endpoint: str, caches: dict[str, str]
) -> None:
    (fetched,) = facts(models("pull", LITE0, "--json", **caches | {"HF_ENDPOINT": endpoint}))
    assert fetched["sha256"] == sha256(lite0_file)
    assert fetched["bytes"] == lite0_file.stat().st_size
    assert fetched["was"] == "to download"
    assert Path(str(fetched["file"])).is_relative_to(caches["HF_HOME"])
    (again,) = facts(models("pull", LITE0, "--json", **caches))  # where nobody listens
    assert again == fetched | {"was": "cached"}
    (entry,) = facts(models(LITE0, "--json", **caches))
    assert entry["weights"] == "cached"


def test_pulls_what_a_configuration_needs_and_enforces_its_hashes(
    lite0_file: Path, endpoint: str, tmp_path: Path, caches: dict[str, str]
) -> None:
    config = tmp_path / "livevec.toml"
    table = '[[embedders]]\nname = "{name}"\nmodel = "{model}"\n{more}\n'
    embedders = [
        table.format(name="right", model=LITE0, more=f'sha256 = "{sha256(lite0_file)}"'),
        table.format(name="untrained", model="torchvision:r3d_18", more='weights = "random"'),
        table.format(name="later", model=LITE0, more=f'weights = "hf-hub:{REPOSITORY}@v2"'),
        table.format(name="wrong", model=LITE0, more=f'sha256 = "{"0" * 64}"'),
    ]
    config.write_text("\n".join(embedders))
    done = models("pull", "--config", str(config), "--json", **caches | {"HF_ENDPOINT": endpoint})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"sha256 expected {'0' * 64}, found {sha256(lite0_file)}" in line
    first, later = (json.loads(told) for told in done.stdout.splitlines())
    assert (first["weights"], later["weights"]) == ("auto", f"hf-hub:{REPOSITORY}@v2")
    assert COMMITS["v2"] in later["file"]


def test_without_network_it_says_which_file_to_put_where_and_fetches_the_rest(caches: dict[str, str]) -> None:
    done = models("pull", LITE0, "torchvision:r3d_18", "c3d", "efficientnet_lite0", **caches)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "efficientnet_lite0"
    hub_line, url_line, by_hand = done.stderr.splitlines()
    assert (
        f"{NOBODY}/{REPOSITORY}/resolve/main/model.safetensors cannot be had: Connection refused" in hub_line
    )
    assert f"put it at {caches['TORCH_HOME']}/hub/checkpoints/r3d_18-b3b3357e.pth" in url_line
    assert f"put it at {caches['TORCH_HOME']}/hub/checkpoints/c3d.pickle" in by_hand
