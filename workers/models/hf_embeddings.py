"""What of a video model of transformers is the embedding of a clip."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from transformers import PreTrainedModel

Embed = Callable[[PreTrainedModel, Tensor], Tensor]  # a network and (N, T, 3, H, W) to (N, D)


def mean_of_tokens(net: PreTrainedModel, clips: Tensor) -> Tensor:
    """VideoMAE (Tong et al. 2022) and VideoPrism (Zhao et al. 2024): no class token, so the mean of all."""
    tokens: Tensor = net(clips).last_hidden_state
    return tokens.mean(1)


def class_token(net: PreTrainedModel, clips: Tensor) -> Tensor:
    """TimeSformer (Bertasius et al. 2021) and ViViT model 1 (Arnab et al. 2021): the class token."""
    tokens: Tensor = net(clips).last_hidden_state
    return tokens[:, 0]


def mean_of_encoded(net: PreTrainedModel, clips: Tensor) -> Tensor:
    """V-JEPA 2 (Assran et al. 2025) without a head has no pooler: the mean of its encoder's tokens."""
    tokens: Tensor = net.get_vision_features(clips)
    return tokens.mean(1)


def video_tower(net: PreTrainedModel, clips: Tensor) -> Tensor:
    """X-CLIP (Ni et al. 2022): the mean over frames after its integration transformer; VideoPrism's text
    model: its attention pooler. Both in the space of their texts."""
    pooled: Tensor = net.get_video_features(clips).pooler_output
    return pooled.flatten(1)  # VideoPrism's pooler has one query: (N, 1, D)


def mean_of_visual(net: PreTrainedModel, clips: Tensor, *, markers: int) -> Tensor:
    """LLaVA-OneVision (Li et al. 2024), LLaVA-Video and LLaVA-NeXT-Video (Zhang et al. 2024): the mean of the
    visual tokens that the language model is given, projected and pooled, without markers at their end."""
    tokens: Tensor = net.get_video_features(clips).pooler_output
    return tokens[:, : tokens.shape[1] - markers].mean(1)


def before_head(net: PreTrainedModel, clips: Tensor) -> Tensor:
    """What the classifier is given, since `expose` made it pass that through."""
    features: Tensor = net(clips).logits
    return features


def expose(classifier: nn.Module) -> None:
    """Lets features through; the weights stay where a checkpoint has them."""
    classifier.forward = _unchanged


def _unchanged(features: Tensor) -> Tensor:
    return features
