"""C3D, eight 3x3x3 convolutions and two wide layers (Tran et al. 2015, arXiv:1412.0767): `c3d`, `c3d:fc7`.

Layers are named as in `c3d.pickle`, the Sports-1M weights that were converted from the authors' Caffe model.
The embedding is what the paper calls the C3D feature: the 4096 activations of fc6, or those of fc7.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from stream.record import Kind
from workers.models import checkpoint
from workers.models.families import Built, Outline
from workers.models.placed import placed
from workers.models.preprocess import Fit, Recipe
from workers.models.spec import AUTO, Spec

_FILE = "c3d.pickle"
_FRAMES = 16
_SPORTS = 487
_LAYERS = ("fc6", "fc7")

RECIPE = Recipe(
    resize=(128, 171),
    crop=(112, 112),
    # The authors subtract the mean clip of Sports-1M, which comes in a file of its own. Here it is the mean
    # of that clip over time and place, so that a checkpoint is all that one needs.
    mean=(101.4083 / 255, 97.6570 / 255, 90.2516 / 255),
    std=(1 / 255,) * 3,  # grey levels are not scaled
    fit=Fit.SQUASH,
    interpolation="bilinear",
    antialias=False,  # OpenCV's resize has none
)


class C3D(nn.Module):
    """(N, 3, 16, 112, 112) RGB to (N, 4096)."""

    def __init__(self, embedding: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 64, 3, padding=1)
        self.conv2 = nn.Conv3d(64, 128, 3, padding=1)
        self.conv3a = nn.Conv3d(128, 256, 3, padding=1)
        self.conv3b = nn.Conv3d(256, 256, 3, padding=1)
        self.conv4a = nn.Conv3d(256, 512, 3, padding=1)
        self.conv4b = nn.Conv3d(512, 512, 3, padding=1)
        self.conv5a = nn.Conv3d(512, 512, 3, padding=1)
        self.conv5b = nn.Conv3d(512, 512, 3, padding=1)
        self.fc6 = nn.Linear(512 * 4 * 4, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, _SPORTS)
        self._embedding = embedding

    def forward(self, clips: Tensor) -> Tensor:
        x = _pool1(self.conv1(clips.flip(1)).relu())  # its pictures came from OpenCV: BGR
        x = _pool(self.conv2(x).relu())
        x = _pool(self.conv3b(self.conv3a(x).relu()).relu())
        x = _pool(self.conv4b(self.conv4a(x).relu()).relu())
        x = _pool(self.conv5b(self.conv5a(x).relu()).relu())
        fc6: Tensor = self.fc6(x.flatten(1)).relu()
        return fc6 if self._embedding == "fc6" else self.fc7(fc6).relu()


_pool1 = nn.MaxPool3d((1, 2, 2))
_pool = nn.MaxPool3d(2, ceil_mode=True)
"""Rounds up as Caffe does, under which it was trained: of the last 7 x 7 the odd row and column stand alone
at the end. Ports that pad by 1 all round leave them alone at the start, and shift the others."""


def names() -> tuple[str, ...]:
    return ("", "fc7")


def outline(spec: Spec) -> Outline:
    _embedding(spec)
    if spec.weights == AUTO:
        fetch(spec)
    return Outline(Kind.CLIP, _FRAMES, _FILE, dim=4096)


def fetch(spec: Spec) -> Path:
    return placed(spec, _FILE, "github.com/DavideA/c3d-pytorch")


def build(spec: Spec) -> Built:
    """Random weights as He et al. 2015 (arXiv:1502.01852), so that eleven layers neither fade nor explode."""
    net = C3D(_embedding(spec))
    for weight in net.parameters():
        if weight.ndim > 1:
            nn.init.kaiming_normal_(weight, nonlinearity="relu")
    return Built(net, RECIPE, net)


def fill(spec: Spec, built: Built, file: Path) -> None:
    checkpoint.fill(spec, built.net, checkpoint.read(spec, file), file)


def _embedding(spec: Spec) -> str:
    return spec.among("layer of C3D to embed with", spec.name or "fc6", _LAYERS)
