"""Who may use the network, and who is told what comes through it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.errors import WeightsUnavailable
from tests.peers.files import file_server
from workers.models import line
from workers.models.download import CHUNK, from_url
from workers.models.spec import Spec

SPEC = Spec.parse("torchvision:r3d_18", "auto")
SIZE = 2 * CHUNK + 100
Told = tuple[str, int, int | None]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a file of two pieces and a bit; torch.hub's cache is an empty folder."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    served = tmp_path / "served"
    served.mkdir()
    (served / "net.pth").write_bytes(bytes(SIZE))
    with file_server(served) as address:
        yield f"{address}/net.pth"


def test_a_watcher_is_told_of_every_piece(url: str) -> None:
    told: list[Told] = []
    with line.watched_by(lambda *piece: told.append(piece)):
        from_url(SPEC, url)
    assert told == [("net.pth", here, SIZE) for here in (0, CHUNK, 2 * CHUNK, SIZE)]


def test_the_hubs_client_tells_its_watcher_too() -> None:
    told: list[Told] = []
    assert line.bar() is None
    with line.watched_by(lambda *piece: told.append(piece)):
        bar_of_the_hubs_client = line.bar()
        assert bar_of_the_hubs_client is not None
        with bar_of_the_hubs_client(
            desc="model.safetensors", total=10, initial=2, unit="B", unit_scale=True
        ) as bar:
            bar.update(3)
            bar.update(5)
    assert told == [("model.safetensors", here, 10) for here in (2, 5, 10)]


def test_on_a_closed_line_only_what_is_cached_is_there(url: str) -> None:
    with line.closed(), pytest.raises(WeightsUnavailable, match=r"net\.pth cannot be had: no cache has it"):
        from_url(SPEC, url)
    file = from_url(SPEC, url)
    with line.closed():
        assert from_url(SPEC, url) == file
    assert line.is_open()
