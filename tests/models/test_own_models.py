"""A user's model through the same line of configuration as any other."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stream.errors import EmbedError, ModelError
from stream.record import Kind
from tests.models.clips import pictures
from tests.models.example_model import Tones
from workers.models import check, load
from workers.models.preprocess import Recipe

EXAMPLE = "python:tests.models.example_model:Tones"
HERE = f"python:{__name__}"
RECIPE = Recipe(resize=(8, 8), crop=(8, 8), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


class Steps(nn.Module):
    """A clip model: what changes from picture to picture."""

    frames = 4
    recipe = RECIPE

    def forward(self, clips: Tensor) -> Tensor:
        return clips.diff(dim=2).flatten(1)


class Scaled(nn.Module):
    """Has a weight, and wants a batch of one."""

    recipe = RECIPE

    def __init__(self, scale: float = 2.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([scale]))

    def forward(self, pictures: Tensor) -> Tensor:
        if len(pictures) > 1:
            raise LookupError("one at a time")
        return pictures.flatten(1) * self.scale


def made_by_a_function() -> nn.Module:
    return Tones()


def scaled_by_three() -> nn.Module:
    return Scaled(3.0)


def fails() -> nn.Module:
    raise LookupError("no weights at /mnt")


def gives_numbers() -> list[int]:
    return [1, 2, 3]


class WithoutRecipe(nn.Module):
    pass


class Flat(Tones):
    """Forgets that there is a batch."""

    def forward(self, pictures: Tensor) -> Tensor:
        return super().forward(pictures)[0]


class Maps(Tones):
    """Forgets to flatten."""

    def forward(self, pictures: Tensor) -> Tensor:
        return self.cells(pictures)  # type: ignore[no-any-return] # nn.Module's call is untyped


class Wordy(Tones):
    def forward(self, _: Tensor) -> Tensor:
        return "a bike"  # type: ignore[return-value] # that is its fault


class Half(Tones):
    frames = 0


def test_the_example_is_what_its_docstring_says() -> None:
    model = load(EXAMPLE, "auto", "cpu")
    assert (model.card.kind, model.card.frames, model.card.dim) == (Kind.FRAMES, 1, 48)
    assert (model.card.weights, model.card.short_side) == ("own", 64)
    frames = pictures("bikes", 3)
    vectors = model.embed([(frame,) for frame in frames])
    for frame, vector in zip(frames, vectors, strict=True):
        height, width, _ = frame.shape
        middle = frame[:, (width - height) // 2 :][:, :height] / 255 - 0.5
        cells = middle.reshape(4, height // 4, 4, height // 4, 3).mean((1, 3)).transpose(2, 0, 1).ravel()
        assert cells @ vector / np.linalg.norm(cells) > 0.999


def test_more_frames_make_it_a_clip_model() -> None:
    outline = check(f"{HERE}:Steps")
    assert (outline.kind, outline.frames) == (Kind.CLIP, 4)
    model = load(f"{HERE}:Steps", "auto", "cpu")
    clip = pictures("bikes", 4)
    forward, backward = model.embed([clip, clip[::-1]])
    assert forward @ backward < 0


def test_a_function_is_a_factory_too() -> None:
    assert load(f"{HERE}:made_by_a_function", "auto", "cpu").card.dim == 48


def test_it_may_be_a_file_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = Path(__file__).with_name("example_model.py").read_text()
    (tmp_path / "a_users_model.py").write_text(example)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load("python:a_users_model:Tones", "auto", "cpu").card.dim == 48


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings an entry point."""
    info = tmp_path / "tones-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tones\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[livevec.models]\ntones = {EXAMPLE.removeprefix('python:')}\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed")
def test_a_packages_entry_point_is_a_family() -> None:
    model = load("tones", "auto", "cpu")
    assert (model.card.model, model.card.dim) == ("tones", 48)
    with pytest.raises(ModelError, match="nearest: tones"):
        check("tone")


def test_its_weights_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "doubled.pt"
    torch.save({"scale": torch.tensor([4.0])}, file)
    card = load(f"{HERE}:Scaled", str(file), "cpu").card
    assert card.weights == "doubled.pt"
    assert card.identity != load(f"{HERE}:Scaled", "auto", "cpu").card.identity


def test_the_space_changes_with_the_weights_that_it_brings() -> None:
    identity = load(f"{HERE}:Scaled", "auto", "cpu").card.identity
    assert load(f"{HERE}:Scaled", "auto", "cpu").card.identity == identity
    assert load(f"{HERE}:scaled_by_three", "auto", "cpu").card.identity != identity


def test_what_it_raises_on_a_batch_fails_the_batch() -> None:
    model = load(f"{HERE}:Scaled", "auto", "cpu")
    picture = pictures("bikes", 1)
    assert len(model.embed([picture])) == 1
    with pytest.raises(EmbedError, match="Scaled: LookupError: one at a time"):
        model.embed([picture, picture])


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("python:", "say python:package.module:factory"),
        ("python:tests.models.example_model", "say python:package.module:factory"),
        ("python:tests.models.nowhere:Tones", "cannot import tests.models.nowhere: ModuleNotFoundError"),
        ("python:../model.py:Tones", "cannot import"),
        ("python:tests.models.example_model:Tone", 'no name in .*"Tone"; nearest: Tones'),
        (f"{HERE}:EXAMPLE", "EXAMPLE is a str, not a factory"),
        (f"{HERE}:fails", "its factory failed: LookupError: no weights at /mnt"),
        (f"{HERE}:gives_numbers", "gives a list, not a torch.nn.Module with a recipe"),
        (f"{HERE}:WithoutRecipe", "gives a WithoutRecipe, not a torch.nn.Module with a recipe"),
        (f"{HERE}:Half", "its frames is 0, not a whole number"),
        (f"{HERE}:Flat", r"for 1 items it gives torch.Size\(\[48\]\), not a tensor \(1, D\)"),
        (f"{HERE}:Maps", r"it gives torch.Size\(\[1, 3, 4, 4\]\), not a tensor \(1, D\)"),
        (f"{HERE}:Wordy", "it gives str, not a tensor"),
    ],
)
def test_what_is_wrong_with_it_is_said_in_a_line(model: str, says: str) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        load(model, "auto", "cpu")
    assert str(caught.value).startswith(f'model = "{model}": ')
    assert "\n" not in str(caught.value)
