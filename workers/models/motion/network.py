"""The network of `motion`: sixteen small grey pictures in, one unit vector out.

(2+1)D convolutions after Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action
Recognition" (arXiv 1711.11248), behind a full 3D stem: a direction of movement is an oriented line in
space and time, which a separable filter alone cannot see. The classifier compares directions (unit
features with unit rows), so its rows serve as the text vectors of the class names.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

FRAMES = 16
SIZE = (64, 64)  # height, width in pixels; the picture is squashed to it, not cropped
DIM = 128
WEIGHTS = Path(__file__).with_name("motion.safetensors")

# What each name means is defined in data.py. The camera pans and tilts; the picture turns.
CLASSES: tuple[str, ...] = (
    "still",
    "pan left",
    "pan right",
    "tilt up",
    "tilt down",
    "zoom in",
    "zoom out",
    "turn clockwise",
    "turn counter-clockwise",
    "shake",
    "cut",
    "freeze",
    "object crossing to the left",
    "object crossing to the right",
    "flicker",
)

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_MIN_CONTRAST = 6.0  # grey levels; below it a clip's noise is not blown up to a picture
_LOGIT_SCALE = 16.0  # cosines reach 1, logits 16: enough for a probability near 1 among fifteen


def standardise(grey: Tensor) -> Tensor:
    """(N, T, H, W) grey levels 0..255 to (N, 1, T, H, W) float32, mean 0 and deviation 1 per clip."""
    grey = grey.float()
    centred = grey - grey.mean(dim=(1, 2, 3), keepdim=True)
    contrast = centred.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return (centred / contrast.clamp(min=_MIN_CONTRAST)).unsqueeze(1)


def preprocess(clips: Tensor) -> Tensor:
    """(N, T, H, W, 3) uint8 RGB, T = FRAMES, any H and W, to the network's (N, 1, T, *SIZE) float32."""
    n, t, h, w, _ = clips.shape
    if t != FRAMES:
        raise ValueError(f"motion takes clips of {FRAMES} frames, not {t}")
    grey = clips.float() @ clips.new_tensor(_LUMA, dtype=torch.float32)
    if (h, w) != SIZE:
        small = functional.interpolate(grey.reshape(n * t, 1, h, w), SIZE, mode="bilinear", antialias=True)
        grey = small.reshape(n, t, *SIZE)
    return standardise(grey)


def _factored(channels: int, out: int, time_stride: int) -> nn.Sequential:
    """A (2+1)D block: 3x3 in space at stride 2, then 3 in time at `time_stride`."""
    return nn.Sequential(
        nn.Conv3d(channels, out, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1), bias=False),
        nn.BatchNorm3d(out),
        nn.ReLU(inplace=True),
        nn.Conv3d(out, out, (3, 1, 1), stride=(time_stride, 1, 1), padding=(1, 0, 0), bias=False),
        nn.BatchNorm3d(out),
        nn.ReLU(inplace=True),
    )


class MotionNet(nn.Module):
    """Names what a clip does. `features` is the embedding; `head` holds one unit row per class."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(1, 24, (3, 5, 5), stride=(1, 2, 2), padding=(1, 2, 2), bias=False),
            nn.BatchNorm3d(24),
            nn.ReLU(inplace=True),
        )
        self.blocks = nn.Sequential(_factored(24, 48, 1), _factored(48, 72, 2), _factored(72, 96, 2))
        self.dropout = nn.Dropout(0.2)
        self.project = nn.Linear(2 * 96 * 4 * 4, DIM)
        self.head = nn.Linear(DIM, len(CLASSES), bias=False)

    def features(self, clips: Tensor) -> Tensor:
        """(N, 1, FRAMES, *SIZE) from `preprocess` to (N, DIM) unit rows.

        Time is pooled last, by mean (what goes on) and maximum (what happens once, as a cut); place in the
        picture is kept to the end, because a zoom is its left half moving left and its right half right.
        """
        maps = self.blocks(self.stem(clips))  # (N, 96, 4, 4, 4)
        pooled = torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1)
        vectors: Tensor = self.project(self.dropout(pooled.flatten(1)))
        return functional.normalize(vectors, dim=1)

    def forward(self, clips: Tensor) -> Tensor:
        """(N, 1, FRAMES, *SIZE) to (N, len(CLASSES)) logits."""
        logits: Tensor = self.head(self.features(clips)) * _LOGIT_SCALE
        return logits


def load(path: Path | None = None) -> MotionNet:
    """The trained network in evaluation mode; the weights of the package unless `path` names others."""
    net = MotionNet()
    net.load_state_dict(load_file(path or WEIGHTS), strict=True)
    return net.eval()
