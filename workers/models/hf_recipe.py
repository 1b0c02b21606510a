"""transformers' image and video processors, as our recipe."""

from __future__ import annotations

from collections.abc import Mapping

from transformers import ImageProcessingMixin

from workers.models.preprocess import Fit, Recipe, Size
from workers.models.spec import Spec

_INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}  # PIL's numbers, which transformers writes into its files

Channels = tuple[float, float, float]


def recipe_of(spec: Spec, processor: ImageProcessingMixin) -> Recipe:
    """What it does to a picture. Raises ModelError where a recipe cannot say that."""
    resize, fit = _resize(spec, processor)
    crop = _sides(processor.crop_size) if processor.do_center_crop else resize
    if fit is Fit.SHORTER and not processor.do_center_crop:
        raise spec.error("its preprocessing cuts no middle out: pictures would have any shape")
    if int(processor.resample) not in _INTERPOLATIONS:
        raise spec.error(f"its preprocessing scales by PIL's filter {processor.resample}: not 2 or 3")
    mean, std = _normalisation(processor)
    return Recipe(
        resize=resize,
        crop=crop,
        mean=mean,
        std=std,
        fit=fit,
        interpolation=_INTERPOLATIONS[int(processor.resample)],
        crop_down=True,
    )


def _resize(spec: Spec, processor: ImageProcessingMixin) -> tuple[Size, Fit]:
    size = dict(processor.size) if processor.do_resize else {}
    if size.keys() == {"shortest_edge"}:
        return (size["shortest_edge"],) * 2, Fit.SHORTER
    if size.keys() == {"height", "width"}:
        return _sides(size), Fit.SQUASH
    raise spec.error(
        f"its preprocessing scales to {size or 'nothing'}: not a shorter side, nor height and width"
    )


def _sides(size: Mapping[str, int]) -> Size:
    return size["height"], size["width"]


def _normalisation(processor: ImageProcessingMixin) -> tuple[Channels, Channels]:
    """(x * rescale - offset - mean) / std, of x up to 255, as mean and std of x / 255."""
    scale = 255 * (processor.rescale_factor if processor.do_rescale else 1)
    offset = float(_offset(processor))
    means = processor.image_mean if processor.do_normalize else (0, 0, 0)
    stds = processor.image_std if processor.do_normalize else (1, 1, 1)
    red, green, blue = ((offset + mean) / scale for mean in means)
    red_std, green_std, blue_std = (std / scale for std in stds)
    return (red, green, blue), (red_std, green_std, blue_std)


def _offset(processor: ImageProcessingMixin) -> bool:
    """ViViT's take 1 off after rescaling; its video processor always does, and does not say so."""
    if not processor.do_rescale:
        return False
    return bool(getattr(processor, "offset", type(processor).__name__ == "VivitVideoProcessor"))
