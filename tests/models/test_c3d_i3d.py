"""C3D and I3D on a real clip, and the checkpoints that others published for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from stream.errors import ModelError
from stream.frames import Pixels
from stream.record import Kind
from tests.models.clips import pictures
from tests.models.conftest import Say
from workers.models import Labelled, Model, check, load
from workers.models.c3d import RECIPE as C3D_RECIPE
from workers.models.families import family_of
from workers.models.i3d import RECIPE as I3D_RECIPE
from workers.models.i3d import same
from workers.models.preprocess import normalise, prepare
from workers.models.spec import Spec

CPU = torch.device("cpu")
C3D_LAYERS = [
    "conv1",
    "conv2",
    "conv3a",
    "conv3b",
    "conv4a",
    "conv4b",
    "conv5a",
    "conv5b",
    "fc6",
    "fc7",
    "fc8",
]
SOME_OF_I3D = {
    "Conv3d_1a_7x7.conv3d.weight": (64, 3, 7, 7, 7),
    "Conv3d_2b_1x1.bn.weight": (64,),
    "Conv3d_2c_3x3.bn.running_var": (192,),
    "Mixed_3b.b1a.bn.running_mean": (96,),
    "Mixed_4f.b2b.conv3d.weight": (128, 32, 3, 3, 3),
    "Mixed_5c.b3b.bn.bias": (128,),
    "logits.conv3d.weight": (400, 1024, 1, 1, 1),
    "logits.conv3d.bias": (400,),
}


def net_of(model: str) -> nn.Module:
    spec = Spec.parse(model, "random")
    return family_of(spec).build(spec).net


def size_of(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


def clip_of(model: Model, name: str = "bikes") -> tuple[Pixels, ...]:
    return pictures(name, model.card.frames, 3, model.card.short_side)


@pytest.fixture(scope="module", params=["c3d:fc7", "i3d:16"])
def model(request: pytest.FixtureRequest) -> Model:
    """Untrained; C3D's second layer and I3D on fewer frames, since both are run as published elsewhere."""
    return load(request.param, "random", "cpu")


@pytest.mark.slow
def test_knows_the_order_of_a_real_clip_and_a_batch_equals_its_clips_one_by_one(
    model: Model, say: Say
) -> None:
    forward = clip_of(model)
    clips = [forward, forward[::-1], clip_of(model, "carphone_pristine")]
    together = model.embed(clips)
    assert together.shape == (3, check(model.card.model, "random").dim)
    apart = np.concatenate([model.embed([clip]) for clip in clips])
    assert (together * apart).sum(axis=1) == pytest.approx(1, abs=1e-5)
    reverse, other = together[0] @ together[1:].T
    say(f"{model.card.model}: cosine of a clip and its reverse {reverse:.4f}, another {other:.4f}, untrained")
    assert max(reverse, other) < 0.9999


@pytest.mark.parametrize(("name", "frames"), [("c3d", 16), ("c3d:fc7", 16), ("i3d", 64), ("i3d:16", 16)])
def test_takes_as_many_frames_as_its_paper_or_as_it_is_told(name: str, frames: int) -> None:
    outline = check(name, "random")
    assert (outline.kind, outline.frames) == (Kind.CLIP, frames)


def test_c3d_has_the_published_layers_and_size() -> None:
    net = net_of("c3d")
    assert list(net.state_dict()) == [
        f"{layer}.{part}" for layer in C3D_LAYERS for part in ("weight", "bias")
    ]
    fc8 = 487 * (4096 + 1)
    assert size_of(net) == 77_995_776 + fc8  # 78.0 million without the classes


def test_i3d_has_the_published_layers_and_size() -> None:
    net = net_of("i3d")
    assert {name: tuple(net.state_dict()[name].shape) for name in SOME_OF_I3D} == SOME_OF_I3D
    logits = 400 * (1024 + 1)
    assert size_of(net) == 12_287_264 + logits  # 12.3 million without them


@pytest.mark.slow
def test_a_checkpoint_with_c3ds_published_names_loads(tmp_path: Path) -> None:
    file = tmp_path / "c3d.pickle"
    torch.save(torch_of_2017(net_of("c3d")), file, _use_new_zipfile_serialization=False)
    model = load("c3d", str(file), "cpu")
    assert model.card.weights == "c3d.pickle"
    clip = clip_of(model)
    direct = c3d_by_hand(torch.load(file, weights_only=True), clip)
    assert model.embed([clip])[0] @ direct.numpy() > 0.9999


def torch_of_2017(net: nn.Module) -> dict[str, Tensor]:
    """As files of that time are: of a norm, the number of batches seen is not kept."""
    return {name: value for name, value in net.state_dict().items() if "num_batches" not in name}


def c3d_by_hand(state: dict[str, Tensor], clip: tuple[Pixels, ...]) -> Tensor:
    """Figure 3 of the paper, from BGR less the mean to the unit fc6."""
    rgb = prepare(clip, C3D_RECIPE, CPU).float()
    bgr = rgb[:, [2, 1, 0]] - torch.tensor([90.2516, 97.6570, 101.4083]).view(3, 1, 1)
    x = bgr.transpose(0, 1)[None]
    for layer in C3D_LAYERS[:8]:
        x = functional.conv3d(x, state[f"{layer}.weight"], state[f"{layer}.bias"], padding=1).relu()
        if layer in {"conv1", "conv2", "conv3b", "conv4b", "conv5b"}:
            cube = (1, 2, 2) if layer == "conv1" else (2, 2, 2)
            x = functional.max_pool3d(x, cube, ceil_mode=True)
    fc6 = functional.linear(x.flatten(1), state["fc6.weight"], state["fc6.bias"]).relu()
    return functional.normalize(fc6)[0]


@pytest.mark.slow
def test_a_checkpoint_with_i3ds_published_names_loads(tmp_path: Path) -> None:
    file = tmp_path / "rgb_imagenet.pt"
    net = net_of("i3d").eval()
    torch.save(torch_of_2017(net), file, _use_new_zipfile_serialization=False)
    model = load("i3d:16", str(file), "cpu")
    assert model.card.weights == "rgb_imagenet.pt"
    assert isinstance(model, Labelled)
    assert (model.classes[0], len(model.classes)) == ("abseiling", 400)
    clip = clip_of(model)
    pixels = normalise(prepare(clip, I3D_RECIPE, CPU), I3D_RECIPE, torch.float32)
    with torch.inference_mode():
        features = list(net.children())[:-1]
        direct = functional.normalize(nn.Sequential(*features)(pixels.transpose(0, 1)[None]))[0]
    assert model.embed([clip])[0] @ direct.numpy() > 0.9999


@pytest.mark.parametrize(("name", "loses"), [("c3d", "fc7.bias"), ("i3d", "Mixed_3b.b1a.bn.running_mean")])
def test_a_checkpoint_that_lacks_a_layer_is_refused(name: str, loses: str, tmp_path: Path) -> None:
    state = torch_of_2017(net_of(name))
    del state[loses]
    torch.save(state, tmp_path / "less.pt")
    with pytest.raises(ModelError, match=f"less.pt is not a checkpoint of it: {loses} is missing"):
        load(name, str(tmp_path / "less.pt"), "cpu")


def test_a_checkpoint_of_other_classes_is_refused(tmp_path: Path) -> None:
    state = torch_of_2017(net_of("i3d")) | {"logits.conv3d.weight": torch.zeros(157, 1024, 1, 1, 1)}
    torch.save(state, tmp_path / "charades.pt")
    with pytest.raises(ModelError, match=r"logits.conv3d.weight is \(157, 1024, 1, 1, 1\), should be \(400"):
        load("i3d", str(tmp_path / "charades.pt"), "cpu")


@pytest.mark.parametrize(("name", "file"), [("c3d", "c3d.pickle"), ("i3d", "rgb_imagenet.pt")])
def test_without_weights_it_says_which_file_to_put_where(
    name: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = tmp_path / "hub" / "checkpoints" / file
    with pytest.raises(ModelError, match=f"put it at {place}"):
        check(name)
    place.parent.mkdir(parents=True)
    place.touch()
    assert check(name).tag == file


@pytest.mark.parametrize(("model", "says"), [("c3d:fc8", "nearest: fc"), ("i3d:20", "number of frames")])
def test_other_names_are_refused(model: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        check(model, "random")


def test_i3ds_pictures_lie_between_minus_one_and_one() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[::2] = 255
    values = normalise(prepare([stripes], I3D_RECIPE, CPU), I3D_RECIPE, torch.float32)
    assert set(values.flatten().tolist()) == {-1, 1}


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "zeros"),
    [(224, 7, 2, (2, 3)), (225, 7, 2, (3, 3)), (112, 3, 2, (0, 1)), (7, 3, 2, (1, 1)), (14, 2, 2, (0, 0))],
)
def test_pads_as_tensorflow_does(size: int, kernel: int, stride: int, zeros: tuple[int, int]) -> None:
    padded = same(torch.ones(1, 1, 1, 1, size), (1, 1, kernel), (1, 1, stride)).flatten()
    front, back = zeros
    assert padded.tolist() == [0.0] * front + [1.0] * size + [0.0] * back
    assert (len(padded) - kernel) // stride + 1 == -(-size // stride)
