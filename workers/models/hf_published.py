"""What stands on the hub under which id: each checkpoint's differences from its architecture's defaults.

So that a model can be checked, and built untrained, without network. Sizes as in the checkpoints' config.json
and in the scripts that converted them (transformers' `convert_*_to_*`), preprocessing as in their
preprocessor_config.json. Of trained weights the files beside them decide, not this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Differences = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    model_type: str  # transformers' name of the architecture
    config: Differences = field(default_factory=dict)
    labels: int = 0  # classes of its head, if it has one
    processor: Differences = field(default_factory=dict)


_K400, _K600, _SSV2 = 400, 600, 174  # classes of Kinetics and Something-Something v2

_IMAGENET = {"image_mean": (0.485, 0.456, 0.406), "image_std": (0.229, 0.224, 0.225)}
_SIGLIP = {"image_mean": (0.5, 0.5, 0.5), "image_std": (0.5, 0.5, 0.5)}
_TIMESFORMER = {"image_mean": (0.45, 0.45, 0.45), "image_std": (0.225, 0.225, 0.225)}


def _shorter(side: int) -> Differences:
    """Pixels: the shorter side to it, and a square of it from the middle."""
    return {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}}


def _width(hidden: int, layers: int, heads: int, **more: float) -> Differences:
    """A vision transformer: as wide as that, its MLP four times."""
    sizes = {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads}
    return {**sizes, "intermediate_size": 4 * hidden, **more}


_LARGE, _HUGE = _width(1024, 24, 16), _width(1280, 32, 16)


def _videomae(size: Differences, labels: int = 0) -> Row:
    """Those without a head are the pre-trained ones, which normalise every token and not their mean."""
    return Row("videomae", {**size, "use_mean_pooling": labels > 0}, labels, _IMAGENET)


def _timesformer(labels: int, **sizes: int) -> Row:
    return Row("timesformer", sizes, labels, {**_shorter(sizes.get("image_size", 224)), **_TIMESFORMER})


def _xclip(patch: int, frames: int) -> Row:
    vision = {"patch_size": patch, "num_frames": frames}
    return Row("xclip", {"vision_config": vision}, processor=_IMAGENET)


def _xclip_large(side: int, frames: int) -> Row:
    mit = {"mit_hidden_size": 768, "mit_intermediate_size": 3072}
    vision = {**_LARGE, **mit, "patch_size": 14, "image_size": side, "num_frames": frames}
    config = {"text_config": _width(768, 12, 12), "vision_config": vision, "projection_dim": 768}
    return Row("xclip", config, processor={**_IMAGENET, **_shorter(side)})


def _vjepa2(size: Differences, labels: int = 0, *, frames: int = 64, side: int = 256) -> Row:
    config = {**size, "frames_per_clip": frames, "crop_size": side}
    return Row("vjepa2", config, labels, {"crop_size": side})


_VJEPA2_HUGE = {"hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 16}
_VJEPA2_GIANT = {
    "hidden_size": 1408,
    "num_hidden_layers": 40,
    "num_attention_heads": 22,
    "mlp_ratio": 48 / 11,
}
_SQUASHED = {"size": {"height": 288, "width": 288}, "do_normalize": False}  # as its processor class says
_VIDEOPRISM_LARGE = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_attention_heads": 16,
    "num_frames": 8,
    "num_spatial_layers": 24,
}


def _onevision(hidden: int) -> Row:
    """`hidden` is the language model's width, which the projector speaks."""
    text = {"model_type": "qwen2", "hidden_size": hidden}
    return Row("llava_onevision", {"text_config": text}, processor=_SIGLIP)


PUBLISHED = {
    "MCG-NJU/videomae-base": _videomae({}),
    "MCG-NJU/videomae-base-short": _videomae({}),
    "MCG-NJU/videomae-base-ssv2": _videomae({}),
    "MCG-NJU/videomae-base-short-ssv2": _videomae({}),
    "MCG-NJU/videomae-base-finetuned-kinetics": _videomae({}, _K400),
    "MCG-NJU/videomae-base-short-finetuned-kinetics": _videomae({}, _K400),
    "MCG-NJU/videomae-base-finetuned-ssv2": _videomae({}, _SSV2),
    "MCG-NJU/videomae-base-short-finetuned-ssv2": _videomae({}, _SSV2),
    "MCG-NJU/videomae-large": _videomae(_LARGE),
    "MCG-NJU/videomae-large-finetuned-kinetics": _videomae(_LARGE, _K400),
    "MCG-NJU/videomae-huge-finetuned-kinetics": _videomae(_HUGE, _K400),
    "facebook/timesformer-base-finetuned-k400": _timesformer(_K400),
    "facebook/timesformer-base-finetuned-k600": _timesformer(_K600),
    "facebook/timesformer-base-finetuned-ssv2": _timesformer(_SSV2),
    "facebook/timesformer-hr-finetuned-k400": _timesformer(_K400, image_size=448, num_frames=16),
    "facebook/timesformer-hr-finetuned-k600": _timesformer(_K600, image_size=448, num_frames=16),
    "facebook/timesformer-hr-finetuned-ssv2": _timesformer(_SSV2, image_size=448, num_frames=16),
    "google/vivit-b-16x2": Row("vivit", {}, _K400, {"do_normalize": False}),
    "google/vivit-b-16x2-kinetics400": Row("vivit", {}, _K400, _shorter(224)),
    "microsoft/xclip-base-patch32": _xclip(32, 8),
    "microsoft/xclip-base-patch32-16-frames": _xclip(32, 16),
    "microsoft/xclip-base-patch16": _xclip(16, 8),
    "microsoft/xclip-base-patch16-16-frames": _xclip(16, 16),
    "microsoft/xclip-base-patch16-zero-shot": _xclip(16, 32),
    "microsoft/xclip-large-patch14": _xclip_large(224, 8),
    "microsoft/xclip-large-patch14-16-frames": _xclip_large(336, 16),
    "facebook/vjepa2-vitl-fpc64-256": _vjepa2({}),
    "facebook/vjepa2-vith-fpc64-256": _vjepa2(_VJEPA2_HUGE),
    "facebook/vjepa2-vitg-fpc64-256": _vjepa2(_VJEPA2_GIANT),
    "facebook/vjepa2-vitg-fpc64-384": _vjepa2(_VJEPA2_GIANT, side=384),
    "facebook/vjepa2-vitl-fpc16-256-ssv2": _vjepa2({}, _SSV2, frames=16),
    "facebook/vjepa2-vitg-fpc64-384-ssv2": _vjepa2(_VJEPA2_GIANT, _SSV2, side=384),
    "google/videoprism-base-f16r288": Row("videoprism_vision_model", processor=_SQUASHED),
    "google/videoprism-large-f8r288": Row("videoprism_vision_model", _VIDEOPRISM_LARGE, processor=_SQUASHED),
    "google/videoprism-lvt-base-f16r288": Row("videoprism", processor=_SQUASHED),
    "llava-hf/llava-onevision-qwen2-0.5b-ov-hf": _onevision(896),
    "llava-hf/llava-onevision-qwen2-7b-ov-hf": _onevision(3584),
    "lmms-lab/LLaVA-Video-7B-Qwen2": _onevision(
        3584
    ),  # its files are for its own code: `auto` takes the next
    "Isotr0py/LLaVA-Video-7B-Qwen2-hf": _onevision(3584),
    "llava-hf/LLaVA-NeXT-Video-7B-hf": Row("llava_next_video", processor=_shorter(336)),
}
