"""Video models of transformers, from folders as `save_pretrained` writes them; small ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from torch import Tensor

from stream.cards import space_id
from stream.errors import ModelError
from tests.models.clips import CLIPS, pictures
from tests.models.conftest import Say
from tests.models.reference import cosines
from tests.models.test_weights import Runs
from tests.models.tiny import CLASSES, TINY
from workers.models import Labelled, check, load
from workers.models.hf_published import PUBLISHED

EXACT = 0.9999  # of the same pixels
MODEL = "hf:some/model"  # a folder needs no row in the table
WEIGHTS = "model.safetensors"


@pytest.mark.parametrize("name", TINY)
def test_equals_its_library(name: str, tmp_path: Path, say: Say) -> None:
    tiny = TINY[name]
    net = tiny.save(tmp_path)
    model = load(MODEL, str(tmp_path), "cpu")
    shown = [pictures(clip, model.card.frames) for clip in CLIPS]
    ours = model.embed(shown)
    same = cosines(ours, tiny.embed(net, shown)).min()
    apart = cosines(ours, np.roll(ours, 1, axis=0)).max()
    say(f"{name}: same pixels, cosine at least {same:.6f}; of different clips at most {apart:.3f}")
    assert same >= EXACT > apart
    one_by_one = np.concatenate([model.embed([clip]) for clip in shown])
    assert cosines(ours, one_by_one).min() >= EXACT


def test_a_classification_head_brings_its_classes(tmp_path: Path) -> None:
    net = TINY["TimeSformer"].save(tmp_path)
    model = load(MODEL, str(tmp_path), "cpu")
    assert isinstance(model, Labelled)
    assert model.classes == tuple(CLASSES.values())
    rows = net.classifier.weight.detach()
    np.testing.assert_allclose(model.class_vectors, rows / rows.norm(dim=1, keepdim=True), atol=1e-6)


def test_names_of_earlier_versions_are_known(tmp_path: Path) -> None:
    """As the checkpoints on the hub have them: transformers 5 calls the same tensors otherwise."""
    net = TINY["ViViT"].save(tmp_path)
    published = "vivit.encoder.layer.0.attention.attention.query.weight"
    assert published in load_file(tmp_path / WEIGHTS)
    assert published not in net.state_dict()


def test_a_language_models_shards_are_not_needed(tmp_path: Path) -> None:
    tiny = TINY["LLaVA-OneVision"]
    tiny.save(tmp_path)
    clip = [pictures("bikes", 8)]
    whole = load(MODEL, str(tmp_path), "cpu").embed(clip)
    split(tmp_path)
    np.testing.assert_array_equal(load(MODEL, str(tmp_path), "cpu").embed(clip), whole)


def split(folder: Path) -> None:
    """Two files and an index, as large models have; the language model's file is then lost."""
    state = load_file(folder / WEIGHTS)
    places = {name: "language" if "language_model" in name else "vision" for name in state}
    vision = {name: tensor for name, tensor in state.items() if places[name] == "vision"}
    save_file(vision, folder / "vision.safetensors")
    index = {"weight_map": {name: f"{place}.safetensors" for name, place in places.items()}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / WEIGHTS).unlink()


def test_an_index_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    TINY["X-CLIP"].save(tmp_path)
    (tmp_path / WEIGHTS).rename(tmp_path / "model.safetensors.index.json")
    with pytest.raises(ModelError, match=r"index\.json is not the index of a checkpoint's files"):
        load(MODEL, str(tmp_path), "cpu")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"classifier.bias": None}, "classifier.bias is missing (1 are)"),
        ({"classifier.scale": torch.zeros(1)}, "classifier.scale is unexpected (1 are)"),
        ({"classifier.bias": torch.zeros(7)}, "mismatched"),
    ],
    ids=["missing", "unexpected", "of another shape"],
)
def test_a_checkpoint_that_does_not_fit_is_refused(
    change: dict[str, Tensor | None], says: str, tmp_path: Path
) -> None:
    TINY["VideoMAE"].save(tmp_path)
    state = load_file(tmp_path / WEIGHTS) | change
    save_file({name: tensor for name, tensor in state.items() if tensor is not None}, tmp_path / WEIGHTS)
    with pytest.raises(ModelError, match=re.escape(f"{tmp_path} is not a checkpoint of it: ")) as refusal:
        load(MODEL, str(tmp_path), "cpu")
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_torch_file_of_plain_tensors_is_read_and_code_in_one_is_not_run(tmp_path: Path) -> None:
    TINY["X-CLIP"].save(tmp_path)
    clip = [pictures("bikes", 4)]
    expected = load(MODEL, str(tmp_path), "cpu").embed(clip)
    torch.save(load_file(tmp_path / WEIGHTS), tmp_path / "pytorch_model.bin")
    (tmp_path / WEIGHTS).unlink()
    np.testing.assert_array_equal(load(MODEL, str(tmp_path), "cpu").embed(clip), expected)
    proof = tmp_path / "it-ran"
    torch.save({"weight": Runs(proof)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="neither safetensors nor a torch file of plain tensors"):
        load(MODEL, str(tmp_path), "cpu")
    assert not proof.exists()


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        ("config.json", "has no config.json: name the folder"),
        ("preprocessor_config.json", "has none of video_preprocessor_config.json, preprocessor_config.json"),
        (WEIGHTS, "has none of model.safetensors, "),
    ],
)
def test_a_folder_that_lacks_a_file_is_told_so(lost: str, says: str, tmp_path: Path) -> None:
    TINY["TimeSformer"].save(tmp_path)
    (tmp_path / lost).unlink()
    with pytest.raises(ModelError, match=says):
        load(MODEL, str(tmp_path), "cpu")


def test_a_model_of_another_kind_is_refused_by_its_type(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match=r'there is no video model type "bert"; .*vivit'):
        check(MODEL, str(tmp_path))


def test_code_that_a_repository_brings_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "new", "auto_map": {"AutoConfig": "config.New"}}')
    (tmp_path / "config.py").write_text("from pathlib import Path\nPath('it-ran').touch()\nclass New: ...")
    with pytest.raises(ModelError, match=f"transformers cannot read {re.escape(str(tmp_path))}"):
        check(MODEL, str(tmp_path))


def test_the_space_tells_weights_and_preprocessing_apart(tmp_path: Path) -> None:
    cards = []
    for changed in ("classifier.bias", ""):
        TINY["TimeSformer"].save(tmp_path)
        state = load_file(tmp_path / WEIGHTS)
        save_file(state | ({changed: torch.ones(3)} if changed else {}), tmp_path / WEIGHTS)
        cards.append(load(MODEL, str(tmp_path), "cpu").card)
    assert len({space_id(card, "") for card in cards}) == 2
    assert all("mean=(0.45" in card.identity for card in cards)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub's client in which `some/model` stands at its tag `v1`; and no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")  # where nobody listens
    repo = tmp_path / "models--some--model"
    TINY["VideoMAE"].save(repo / "snapshots" / "0123abc")
    (repo / "refs").mkdir()
    (repo / "refs" / "v1").write_text("0123abc")
    return tmp_path


def test_a_cached_revision_needs_no_network(hub: Path) -> None:
    model = load(f"{MODEL}@v1", "auto", "cpu")
    assert isinstance(model, Labelled)
    assert model.card.weights == "v1"
    assert "tag=v1 0123abc" in model.card.identity
    folder = hub / "models--some--model" / "snapshots" / "0123abc"
    clip = [pictures("bikes", 4)]
    np.testing.assert_array_equal(model.embed(clip), load(MODEL, str(folder), "cpu").embed(clip))


@pytest.mark.parametrize("model", [f"{MODEL}@v2", "hf:MCG-NJU/videomae-base"])
def test_without_network_the_file_is_named_with_the_way_out(hub: Path, model: str) -> None:
    repo, _, revision = model.removeprefix("hf:").partition("@")
    where = re.escape(f"http://127.0.0.1:1/{repo}/resolve/{revision or 'main'}/config.json")
    with pytest.raises(ModelError, match=f"{where} cannot be had: .* into one folder .*weights = "):
        load(model, "auto", "cpu")


def test_an_unknown_name_without_weights_gets_the_nearest() -> None:
    with pytest.raises(ModelError, match='"MCG-NJU/videomae-bass"; nearest: MCG-NJU/videomae-base'):
        check("hf:MCG-NJU/videomae-bass", "random")


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_published_name_is_known_without_network(name: str, hub: Path) -> None:
    frames = {"timesformer-base": 8, "vivit": 32, "videomae": 16, "fpc64": 64, "LLaVA": 8, "f16r288": 16}
    expected = {count for part, count in frames.items() if part in name}
    outlines = {check(f"hf:{name}", weights).frames for weights in ("auto", "random")}
    assert len(outlines) == 1
    assert not expected or outlines == expected
