"""Words in the space of the pictures: text towers, and the closed vocabulary of classifiers."""

from __future__ import annotations

from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from huggingface_hub import constants

from stream.errors import ModelError
from tests.models.clips import CLIPS, pictures
from tests.models.conftest import Say
from tests.models.reference import cosines, images, pooled, unit
from workers.models import Model, Texted, load
from workers.models.network import TEXTS_AT_ONCE
from workers.models.quiet import quiet
from workers.models.vocabulary import Vocabulary

SENTENCES = ("a person falling", "a red car at night", "two dogs {on} a beach")
VIT = "open_clip:ViT-B-32/laion2b_s34b_b79k"


def texted(model: Model) -> Texted:
    assert isinstance(model, Texted)
    return model


@pytest.mark.parametrize(
    ("word", "shows_it"),
    [
        ("mountain bike", "bikes"),
        ("moped", "bikes"),
        ("seat belt", "carphone_pristine"),
        ("Windsor tie", "carphone_pristine"),
        ("hare", "bigbuckbunny"),
    ],
)
def test_a_trained_classifier_finds_the_clip_by_a_word(
    lite0: Model, word: str, shows_it: str, say: Say
) -> None:
    asked = texted(lite0).embed_text([word])[0]
    like = {clip: float(pooled(images(lite0, pictures(clip, 12)))[0] @ asked) for clip in CLIPS}
    say(f'"{word}": ' + ", ".join(f"{clip} {cosine:.3f}" for clip, cosine in like.items()))
    assert max(like, key=lambda clip: like[clip]) == shows_it


def test_any_name_of_a_class_stands_for_its_row(lite0: Model) -> None:
    names = ["mountain bike, all-terrain bike, off-roader", "mountain bike", "off-roader", "Off-Roader"]
    vectors = texted(lite0).embed_text(names)
    assert (vectors.dtype.name, vectors.shape) == ("float32", (4, lite0.card.dim))
    np.testing.assert_allclose(vectors, vectors[:1].repeat(4, axis=0))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_word_without_a_class_is_answered_with_the_nearest_names(lite0: Model) -> None:
    with pytest.raises(ModelError, match=r'1000 classes only.*"mountain byke"; nearest: mountain bike, '):
        texted(lite0).embed_text(["hare", "mountain byke"])


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("partridge", [1, 0]),  # the first name of one, a by-name of the other
        ("cardigan", [0, 0, 1]),  # the jacket, not the dog
        ("Cardigan", [0, 0, 0, 1]),
        ("panther", [0, 0, 0, 0, 0.5**0.5, 0.5**0.5]),
        ("PANTHER", [0, 0, 0, 0, 0.5**0.5, 0.5**0.5]),
    ],
)
def test_a_name_that_classes_share_is_the_first_names_or_all_of_them(word: str, means: list[float]) -> None:
    classes = [
        *("partridge", "ruffed grouse, partridge", "cardigan", "Cardigan, Welsh corgi"),
        *("jaguar, panther", "cougar, puma, panther"),
    ]
    vocabulary = Vocabulary("made", classes, np.eye(6, dtype=np.float32))
    np.testing.assert_allclose(vocabulary.vectors([word])[0], means + [0] * (6 - len(means)), atol=1e-6)


@pytest.mark.parametrize("name", ["ViT-B-32/laion2b_s34b_b79k", "RN50/openai", "MobileCLIP2-S0/dfndr2b"])
def test_an_open_clip_text_equals_its_librarys(name: str, request: pytest.FixtureRequest, say: Say) -> None:
    is_vit = VIT.endswith(name)
    model = request.getfixturevalue("vit_b_32") if is_vit else load(f"open_clip:{name}", "random", "cpu")
    ours = texted(model).embed_text(SENTENCES)
    same = cosines(ours, librarys_own(name)(SENTENCES)).min()
    say(f"{name}, untrained, text: cosine at least {same:.6f}")
    assert same >= 0.9999
    assert ours.shape == (3, model.card.dim)


def librarys_own(name: str) -> Any:
    architecture, tag = name.split("/")
    quick_gelu = bool(open_clip.get_pretrained_cfg(architecture, tag).get("quick_gelu"))
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(0)
        net: Any = open_clip.create_model(architecture, load_weights=False, force_quick_gelu=quick_gelu)
        tokenizer = open_clip.get_tokenizer(architecture)

    @torch.inference_mode()
    def embed(texts: list[str]) -> Any:
        return unit(net.eval().encode_text(tokenizer(texts)))

    return embed


def test_prompts_are_averaged_as_unit_vectors(vit_b_32: Model) -> None:
    tower = texted(vit_b_32)
    prompts = ("a photo of {}.", "{} on a security camera", "{}")
    ours = tower.embed_text(["a bus", "a boat"], prompts)
    for row, text in zip(ours, ("a bus", "a boat"), strict=True):
        each = tower.embed_text([prompt.replace("{}", text) for prompt in prompts])
        assert row @ pooled(each)[0] == pytest.approx(1, abs=1e-6)
    assert ours[0] @ ours[1] < 0.9999


def test_many_texts_are_as_each_alone(vit_b_32: Model) -> None:
    tower, many = texted(vit_b_32), [f"number {n}" for n in range(TEXTS_AT_ONCE + 3)]
    together = tower.embed_text(many)
    np.testing.assert_allclose(together[[0, -1]], tower.embed_text([many[0], many[-1]]), atol=1e-5)


def test_a_tokenizer_that_cannot_be_had_is_an_error_of_the_text_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    siglip = load("open_clip:ViT-B-16-SigLIP/webli", "random", "cpu")
    with pytest.raises(ModelError, match=r"timm/ViT-B-16-SigLIP/.*cannot be had: HF_HUB_OFFLINE is set"):
        texted(siglip).embed_text(["a bus"])
    assert siglip.embed([pictures("bikes", 1)]).shape == (1, 768)


def test_an_untrained_classifier_knows_no_words(r3d_18: Model) -> None:
    assert not isinstance(r3d_18, Texted)
