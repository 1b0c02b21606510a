"""From an embedder's `labels = …` to vectors of its model. Device thread only."""

from __future__ import annotations

from collections.abc import Sequence

from stream.config import EmbedderConfig
from stream.errors import ModelError
from stream.labels import Labels
from workers.models import Labelled, Model, Texted


def labels_of(config: EmbedderConfig, model: Model) -> Labels | None:
    """None where none are asked for. Raises ModelError where the model has no vectors for them."""
    if config.labels is None:
        return None
    if not isinstance(model, Texted):
        raise _refused(config, "has neither a text tower nor trained classes")
    if config.labels == "classes":
        if not isinstance(model, Labelled):
            raise _refused(config, 'has no classes of its own; say "imagenet" or a list of texts')
        return Labels(_first_names(model.classes), model.class_vectors, config.top_k)
    texts = _imagenet() if isinstance(config.labels, str) else config.labels
    return Labels(texts, model.embed_text(texts, config.prompts), config.top_k)


def _imagenet() -> list[str]:
    from timm.data.imagenet_info import ImageNetInfo  # noqa: PLC0415 - imports torch

    classes = [str(names) for names in ImageNetInfo().label_descriptions()]
    return list(dict.fromkeys(_first_names(classes)))  # two are a crane


def _first_names(classes: Sequence[str]) -> list[str]:
    """`gar` of `gar, garfish, garpike, billfish, Lepisosteus osseus`."""
    return [names.partition(",")[0] for names in classes]


def _refused(config: EmbedderConfig, why: str) -> ModelError:
    return ModelError(f'embedders.{config.name}.labels: model = "{config.model}" {why}')
