"""Video models of the Hugging Face hub: `hf:MCG-NJU/videomae-base` or `hf:MCG-NJU/videomae-base@REVISION`.

By transformers' own classes; code that a repository brings is never run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import AutoConfig, ImageProcessingMixin, PreTrainedConfig

from stream.record import Kind
from workers.models import download, hf_folder
from workers.models.families import Built, Outline
from workers.models.hf_architectures import ARCHITECTURES, HEADED, Architecture, class_of
from workers.models.hf_embeddings import before_head, expose, video_tower
from workers.models.hf_published import PUBLISHED, Row
from workers.models.hf_recipe import recipe_of
from workers.models.spec import Spec

_PUT = "put it into one folder with the repository's processor and weights, then "


def names() -> Iterable[str]:
    return PUBLISHED


def outline(spec: Spec) -> Outline:
    repo, revision = _address(spec)
    if spec.file is None and (spec.random or repo in PUBLISHED):
        row = PUBLISHED[spec.among("published video model", repo, PUBLISHED)]
        config = _config_of(row)
    else:
        config = hf_folder.config_of(spec, spec.file or _hub(spec, hf_folder.CONFIG).parent)
    architecture = _architecture(spec, config)
    text = _headed(config) or architecture.embed is video_tower
    return Outline(Kind.CLIP, architecture.frames(config), revision, _dim(config), text)


def fetch(spec: Spec) -> Path:
    """The folder of the revision, with those of its files that are needed."""
    folder = _hub(spec, hf_folder.CONFIG).parent
    _hub(spec, *hf_folder.PROCESSORS)
    weights = _hub(spec, *hf_folder.WEIGHTS)
    if weights.suffix == ".json":
        architecture = _architecture(spec, hf_folder.config_of(spec, folder))
        for shard in hf_folder.shards_of(spec, weights, architecture.unused):
            _hub(spec, shard)
    return folder


def build(spec: Spec) -> Built:
    config, processor = _described(spec)
    architecture = _architecture(spec, config)
    architecture.trim(config)
    recipe = recipe_of(spec, processor)
    if not _headed(config):
        net = class_of(spec, architecture.model)(config)
        return Built(net, recipe, _clips_first(partial(architecture.embed, net)))
    net = class_of(spec, architecture.headed)(config)
    expose(net.classifier)
    classes = [config.id2label[index] for index in range(config.num_labels)]
    return Built(net, recipe, _clips_first(partial(before_head, net)), net.classifier, classes)


def fill(spec: Spec, built: Built, folder: Path) -> None:
    net: Any = built.net
    unused = _architecture(spec, net.config).unused
    hf_folder.fill(spec, net, hf_folder.state_of(spec, folder, unused), unused, folder)


def _address(spec: Spec) -> tuple[str, str]:
    """The repository and its revision."""
    repo, _, revision = spec.model.partition(":")[2].partition("@")
    return repo, revision or download.MAIN


def _hub(spec: Spec, *names: str) -> Path:
    """The first of these files that is there."""
    repo, revision = _address(spec)
    return download.from_hub(spec, repo, names, revision, put=_PUT)


def _described(spec: Spec) -> tuple[PreTrainedConfig, ImageProcessingMixin]:
    """Config and processor: of the checkpoint's folder, or of the table for an untrained model."""
    if not spec.random:
        folder = spec.file or fetch(spec)  # in the cache by now
        return hf_folder.config_of(spec, folder), hf_folder.processor_of(spec, folder)
    row = PUBLISHED[_address(spec)[0]]
    config = _config_of(row)
    return config, class_of(spec, _architecture(spec, config).processor)(**row.processor)


def _config_of(row: Row) -> PreTrainedConfig:
    config = AutoConfig.for_model(row.model_type, **row.config)
    if row.labels:
        config.num_labels = row.labels
        config.architectures = [ARCHITECTURES[row.model_type].headed]
    return config


def _architecture(spec: Spec, config: PreTrainedConfig) -> Architecture:
    return ARCHITECTURES[spec.among("video model type", config.model_type, ARCHITECTURES)]


def _dim(config: PreTrainedConfig) -> int:
    """As wide as the space that it shares with texts, as what a language model is given, or as itself."""
    if hasattr(config, "projection_dim"):
        return int(config.projection_dim)
    return int(getattr(config, "text_config", config).hidden_size)


def _headed(config: PreTrainedConfig) -> bool:
    return any(name.endswith(HEADED) for name in config.architectures or ())


def _clips_first(embed: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """transformers wants (N, T, 3, H, W)."""
    return lambda clips: embed(clips.transpose(1, 2))
