"""transformers' video models, so small that a test builds one in no time. Saved as `save_pretrained` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers as library
from torch import Tensor

from stream.frames import Pixels, Vectors
from tests.models.reference import unit

library.utils.logging.disable_progress_bar()  # it would leave a thread

WIDTH = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
CLIP = {**WIDTH, "image_size": 32, "patch_size": 16}
CLIP_64 = {**CLIP, "image_size": 64}
SQUARE_64 = {"height": 64, "width": 64}
LANGUAGE = {**WIDTH, "num_key_value_heads": 4, "vocab_size": 99}
CLASSES = {0: "juggling", 1: "pouring", 2: "waving"}
TO_32 = {"size": {"shortest_edge": 37}, "crop_size": {"height": 32, "width": 32}}  # by half pixels

Features = Callable[[Any, Tensor], Tensor]


@dataclass(frozen=True)
class Tiny:
    """A model of the library, and the library's own way to what we call its embedding."""

    model: str  # class
    config: Any
    processor: Any
    features: Features

    def build(self) -> Any:
        torch.manual_seed(77)  # not ours
        return getattr(library, self.model)(self.config).eval()

    def save(self, folder: Path) -> Any:
        net = self.build()
        net.save_pretrained(folder)
        self.processor.save_pretrained(folder)
        return net

    def embed(self, net: Any, clips: Sequence[Sequence[Pixels]]) -> Vectors:
        return embed(net, self.processor, self.features, clips)


def embed(net: Any, processor: Any, features: Features, clips: Sequence[Sequence[Pixels]]) -> Vectors:
    """One clip at a time through the library's processor, then features of the batch."""
    (inputs,) = {name for name in processor.model_input_names if name.startswith("pixel_values")}
    prepared = [processor(list(clip), return_tensors="pt")[inputs] for clip in clips]
    with torch.inference_mode():
        return unit(features(net, torch.cat(prepared)))


def given_to_classifier(net: Any, clips: Tensor) -> Tensor:
    """What the library's forward pass hands to the head."""
    given: list[Tensor] = []
    hook = net.classifier.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    net(clips)
    hook.remove()
    return given[0]


def pooled(net: Any, clips: Tensor) -> Tensor:
    output: Tensor = net.get_video_features(clips).pooler_output
    return output


def _videomae(**more: Any) -> Any:
    decoder = {f"decoder_{name}": value for name, value in WIDTH.items()}
    return library.VideoMAEConfig(**CLIP, **decoder, num_frames=4, **more)


def _xclip() -> Any:
    mit = {f"mit_{name}": value for name, value in WIDTH.items()}
    text = {**WIDTH, "vocab_size": 99}
    return library.XCLIPConfig(
        text_config=text,
        vision_config={**CLIP, **mit, "num_frames": 4},
        projection_dim=32,
        prompt_num_attention_heads=4,
    )


def _vjepa2(**more: Any) -> Any:
    sizes = {name: value for name, value in WIDTH.items() if name != "intermediate_size"}
    predictor = {f"pred_{name}": value for name, value in sizes.items()}
    return library.VJEPA2Config(
        **sizes, **predictor, crop_size=32, frames_per_clip=4, num_pooler_layers=1, **more
    )


PRISM = {
    **{name: value for name, value in WIDTH.items() if name != "num_hidden_layers"},
    "image_size": 32,
    "tubelet_size": [1, 16, 16],
    "num_frames": 4,
    "num_spatial_layers": 2,
    "num_temporal_layers": 1,
}
LABELS = {"id2label": CLASSES, "label2id": {name: index for index, name in CLASSES.items()}}

TINY = {
    "VideoMAE": Tiny(
        "VideoMAEForVideoClassification",
        _videomae(**LABELS),
        library.VideoMAEImageProcessor(**TO_32),
        given_to_classifier,
    ),
    "VideoMAE, its class token": Tiny(
        "VideoMAEForVideoClassification",
        _videomae(use_mean_pooling=False, **LABELS),
        library.VideoMAEVideoProcessor(**TO_32),
        given_to_classifier,
    ),
    "VideoMAE, pre-trained": Tiny(
        "VideoMAEForPreTraining",
        _videomae(use_mean_pooling=False),
        library.VideoMAEImageProcessor(**TO_32),
        lambda net, clips: net.videomae(clips).last_hidden_state.mean(1),
    ),
    "TimeSformer": Tiny(
        "TimesformerForVideoClassification",
        library.TimesformerConfig(**CLIP, num_frames=4, **LABELS),
        library.VideoMAEImageProcessor(image_mean=[0.45] * 3, image_std=[0.225] * 3, **TO_32),
        given_to_classifier,
    ),
    "TimeSformer without a head": Tiny(
        "TimesformerModel",
        library.TimesformerConfig(**CLIP, num_frames=4),
        library.TimesformerVideoProcessor(**TO_32),
        lambda net, clips: net(clips).last_hidden_state[:, 0],
    ),
    "ViViT": Tiny(
        "VivitForVideoClassification",
        library.VivitConfig(**WIDTH, image_size=32, num_frames=4, **LABELS),
        library.VivitImageProcessor(**TO_32),
        given_to_classifier,
    ),
    "ViViT, the newer processor": Tiny(
        "VivitForVideoClassification",
        library.VivitConfig(**WIDTH, image_size=32, num_frames=4, **LABELS),
        library.VivitVideoProcessor(**TO_32),
        given_to_classifier,
    ),
    "X-CLIP": Tiny("XCLIPModel", _xclip(), library.VideoMAEImageProcessor(**TO_32), pooled),
    "V-JEPA 2": Tiny(
        "VJEPA2ForVideoClassification",
        _vjepa2(**LABELS),
        library.VJEPA2VideoProcessor(crop_size=32),
        given_to_classifier,
    ),
    "V-JEPA 2 without a head": Tiny(
        "VJEPA2Model",
        _vjepa2(),
        library.VJEPA2VideoProcessor(crop_size=32),
        lambda net, clips: net(clips).last_hidden_state.mean(1),
    ),
    "VideoPrism": Tiny(
        "VideoPrismVisionModel",
        library.VideoPrismVisionConfig(**PRISM),
        library.LlavaOnevisionVideoProcessor(size={"height": 32, "width": 32}, do_normalize=False),
        lambda net, clips: net(clips).last_hidden_state.mean(1),
    ),
    "VideoPrism with text": Tiny(
        "VideoPrismClipModel",
        library.VideoPrismConfig(vision_config=PRISM, text_config={**WIDTH, "vocab_size": 99}),
        library.LlavaOnevisionVideoProcessor(size={"height": 32, "width": 32}, do_normalize=False),
        lambda net, clips: pooled(net, clips)[:, 0],
    ),
    "LLaVA-OneVision": Tiny(
        "LlavaOnevisionForConditionalGeneration",
        library.LlavaOnevisionConfig(
            vision_config={
                **CLIP,
                "model_type": "siglip_vision_model",
                "image_size": 64,
                "vision_use_head": False,
            },
            text_config={**LANGUAGE, "model_type": "qwen2"},
        ),
        library.LlavaOnevisionVideoProcessor(size={"height": 64, "width": 64}),
        lambda net, clips: (
            net.model.get_video_features(clips).pooler_output[:, :-1].mean(1)
        ),  # last: a newline
    ),
    "LLaVA-NeXT-Video": Tiny(
        "LlavaNextVideoForConditionalGeneration",
        library.LlavaNextVideoConfig(
            vision_config={**CLIP_64, "model_type": "clip_vision_model"},
            text_config={**LANGUAGE, "model_type": "llama"},
        ),
        library.LlavaNextVideoVideoProcessor(
            size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}
        ),
        lambda net, clips: net.model.get_video_features(clips).pooler_output.mean(1),
    ),
}
