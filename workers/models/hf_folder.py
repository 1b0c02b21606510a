"""A checkpoint's folder, as `save_pretrained` writes it: config.json, a processor's file, weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from safetensors import safe_open
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoVideoProcessor,
    ImageProcessingMixin,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.utils import logging

from workers.models import checkpoint
from workers.models.checkpoint import UNREADABLE, State
from workers.models.spec import Spec

logging.disable_progress_bar()  # its own bar, over tensors that are in memory already

CONFIG = "config.json"
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
VIDEO_PROCESSOR, IMAGE_PROCESSOR = "video_preprocessor_config.json", "preprocessor_config.json"
PROCESSORS = (VIDEO_PROCESSOR, IMAGE_PROCESSOR, "processor_config.json")  # the last has both, since version 5

FEW = 200  # characters of a library's complaint


def config_of(spec: Spec, folder: Path) -> PreTrainedConfig:
    """Its config.json, by the class of its model type. Raises ModelError."""
    if not (folder / CONFIG).is_file():
        raise spec.error(f"{folder} has no {CONFIG}: name the folder that a checkpoint's files are in")
    return _read(spec, AutoConfig.from_pretrained, folder)


def processor_of(spec: Spec, folder: Path) -> ImageProcessingMixin:
    """The video processor where there is one; until version 5 most models had an image processor instead."""
    if not any((folder / name).is_file() for name in PROCESSORS):
        raise spec.error(f"{folder} has none of {', '.join(PROCESSORS)}")
    auto = AutoVideoProcessor if _has_video_processor(folder) else AutoImageProcessor
    return _read(spec, auto.from_pretrained, folder)


def _has_video_processor(folder: Path) -> bool:
    both = folder / PROCESSORS[-1]
    return (folder / VIDEO_PROCESSOR).is_file() or (
        both.is_file() and "video_processor" in json.loads(both.read_text())
    )


def _read(
    spec: Spec, reader: Callable[..., PreTrainedConfig | ImageProcessingMixin], folder: Path
) -> PreTrainedConfig | ImageProcessingMixin:
    try:
        return reader(folder, local_files_only=True, trust_remote_code=False)
    except (*UNREADABLE, TypeError) as exc:  # also of a model type that this version does not know
        raise spec.error(f"transformers cannot read {folder}: {_in_short(exc)}") from exc


def shards_of(spec: Spec, index: Path, unused: Sequence[str]) -> list[str]:
    """The files that an index says hold tensors which are used. Raises ModelError."""
    try:
        places: dict[str, str] = json.loads(index.read_text())["weight_map"]
    except UNREADABLE as exc:
        raise spec.error(f"{index} is not the index of a checkpoint's files") from exc
    return sorted({file for name, file in places.items() if not name.startswith(tuple(unused))})


def state_of(spec: Spec, folder: Path, unused: Sequence[str]) -> State:
    """The tensors of all its weights' files, without those whose names begin so. Raises ModelError."""
    there = [folder / name for name in WEIGHTS if (folder / name).is_file()]
    if not there:
        raise spec.error(f"{folder} has none of {', '.join(WEIGHTS)}")
    first = there[0]
    files = [folder / name for name in shards_of(spec, first, unused)] if first.suffix == ".json" else [first]
    state: State = {}
    for file in files:
        state |= _tensors(spec, file, unused)
    return state


def _tensors(spec: Spec, file: Path, unused: Sequence[str]) -> State:
    """Of safetensors only the wanted ones are read: a language model's file may not fit into memory."""
    if file.suffix != ".safetensors":
        state = checkpoint.read(spec, file)
        return {name: tensor for name, tensor in state.items() if not name.startswith(tuple(unused))}
    try:
        with safe_open(file, "pt") as tensors:
            names = [name for name in tensors.keys() if not name.startswith(tuple(unused))]  # noqa: SIM118 - no dict
            return {name: tensors.get_tensor(name) for name in names}
    except UNREADABLE as exc:
        raise spec.error(f"{file} is not safetensors") from exc


def fill(spec: Spec, net: PreTrainedModel, state: State, unused: Sequence[str], where: Path) -> None:
    """By transformers' own loader, which knows the names of its earlier versions; then strictly.

    Raises ModelError.
    """
    try:
        loaded, report = type(net).from_pretrained(
            None, config=net.config, state_dict=state, output_loading_info=True
        )
    except UNREADABLE as exc:  # a shape that differs
        raise spec.error(f"{where} is not a checkpoint of it: {_in_short(exc)}") from exc
    for what in ("missing_keys", "unexpected_keys"):
        if names := sorted(name for name in report[what] if not name.startswith(tuple(unused))):
            problem = what.removesuffix("_keys")
            raise spec.error(f"{where} is not a checkpoint of it: {names[0]} is {problem} ({len(names)} are)")
    net.load_state_dict(loaded.state_dict(), assign=True)


def _in_short(exc: BaseException) -> str:
    return " ".join(str(exc).split())[:FEW]
