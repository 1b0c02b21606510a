"""How transformers' video models are put together: one row for each of its model types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import transformers
from transformers import PreTrainedConfig

from workers.models.hf_embeddings import (
    Embed,
    class_token,
    mean_of_encoded,
    mean_of_tokens,
    mean_of_visual,
    video_tower,
)
from workers.models.spec import Spec

HEADED = "ForVideoClassification"  # how transformers ends the name of a model with a classification head


def _keep(_: PreTrainedConfig) -> None: ...


@dataclass(frozen=True, slots=True)
class Architecture:
    """One of transformers' model types."""

    model: str  # its class without a classification head
    headed: str  # its class with one, empty if there is none
    processor: str  # its preprocessing, a class too
    embed: Embed  # without the head; with it, the embedding is what the head is given
    frames: Callable[[PreTrainedConfig], int]  # T of its config
    unused: tuple[str, ...] = ()  # beginnings of the names of tensors that the embedding does without
    trim: Callable[[PreTrainedConfig], None] = _keep  # drops from its config what is never run


def class_of(spec: Spec, name: str) -> type:
    """A class of the installed transformers. Raises ModelError."""
    if not hasattr(transformers, name):
        raise spec.error(f"transformers {transformers.__version__} has no {name}; a newer one may")
    found: type = getattr(transformers, name)
    return found


def _num_frames(config: PreTrainedConfig) -> int:
    return int(config.num_frames)


def _num_frames_of_tower(config: PreTrainedConfig) -> int:
    return int(config.vision_config.num_frames)


def _frames_per_clip(config: PreTrainedConfig) -> int:
    return int(config.frames_per_clip)


def _eight(_: PreTrainedConfig) -> int:
    """LLaVA takes any number: 8 spread over the window, as NVIDIA's VSS and X-CLIP; cost grows with them."""
    return 8


def _without_language(config: PreTrainedConfig) -> None:
    """No layers, one word: its 7 B parameters are not run. Its width stays, which the projector speaks."""
    text = config.text_config
    text.num_hidden_layers, text.layer_types, text.vocab_size, text.pad_token_id = 0, [], 1, None


def _llava(model: str, processor: str, markers: int) -> Architecture:
    return Architecture(
        model,
        "",
        processor,
        partial(mean_of_visual, markers=markers),
        _eight,
        unused=("language_model.", "model.language_model.", "lm_head."),
        trim=_without_language,
    )


ARCHITECTURES = {
    "videomae": Architecture(
        "VideoMAEModel",
        "VideoMAEForVideoClassification",
        "VideoMAEImageProcessor",
        mean_of_tokens,
        _num_frames,
        unused=("decoder.", "encoder_to_decoder.", "mask_token"),
    ),
    "timesformer": Architecture(
        "TimesformerModel",
        "TimesformerForVideoClassification",
        "VideoMAEImageProcessor",
        class_token,
        _num_frames,
    ),
    "vivit": Architecture(
        "VivitModel", "VivitForVideoClassification", "VivitImageProcessor", class_token, _num_frames
    ),
    "xclip": Architecture("XCLIPModel", "", "VideoMAEImageProcessor", video_tower, _num_frames_of_tower),
    "vjepa2": Architecture(
        "VJEPA2Model",
        "VJEPA2ForVideoClassification",
        "VJEPA2VideoProcessor",
        mean_of_encoded,
        _frames_per_clip,
    ),
    "videoprism_vision_model": Architecture(
        "VideoPrismVisionModel",
        "VideoPrismForVideoClassification",
        "LlavaOnevisionVideoProcessor",
        mean_of_tokens,
        _num_frames,
    ),
    "videoprism": Architecture(
        "VideoPrismClipModel", "", "LlavaOnevisionVideoProcessor", video_tower, _num_frames_of_tower
    ),
    "llava_onevision": _llava("LlavaOnevisionModel", "LlavaOnevisionVideoProcessor", markers=1),
    "llava_next_video": _llava("LlavaNextVideoModel", "LlavaNextVideoVideoProcessor", markers=0),
}
