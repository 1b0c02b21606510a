"""A model of your own: `model = "python:tests.models.example_model:Tones"`."""

from torch import Tensor, nn

from workers.models.preprocess import Recipe


class Tones(nn.Module):
    """Where in the picture which colour is: the mean of each cell of a 4 x 4 grid, 48 numbers."""

    frames = 1  # pictures per item; with more it is a clip model, and gets (N, 3, T, H, W)
    recipe = Recipe(resize=(64, 64), crop=(64, 64), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))

    def __init__(self) -> None:  # load your weights here; livevec moves them to the device
        super().__init__()
        self.cells = nn.AdaptiveAvgPool2d(4)

    def forward(self, pictures: Tensor) -> Tensor:
        means: Tensor = self.cells(pictures)
        return means.flatten(1)
