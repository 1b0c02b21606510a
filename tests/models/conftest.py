"""Models that several files use, each built once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from workers.models import Model, load

Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints a measured figure into the test's output, whether or not the test passes."""

    def print_through(figure: str) -> None:
        with capsys.disabled():
            print(f"\n    {figure}", end="", flush=True)  # noqa: T201 - that is what it is for

    return print_through


@pytest.fixture(scope="session")
def lite0() -> Model:
    """Trained."""
    return load("efficientnet_lite0", "auto", "cpu")


@pytest.fixture(scope="session")
def vit_b_32() -> Model:
    return load("open_clip:ViT-B-32/laion2b_s34b_b79k", "random", "cpu")


@pytest.fixture(scope="session")
def r3d_18() -> Model:
    return load("torchvision:r3d_18/KINETICS400_V1", "random", "cpu")
