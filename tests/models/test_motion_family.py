"""`model = "motion"`: the packaged network behind the common door, and what leaves the pipeline of it."""

from __future__ import annotations

import asyncio
from contextlib import closing

import numpy as np
import pytest
import torch

from stream.config import CameraConfig, Config, EmbedderConfig, WindowConfig
from stream.errors import ModelError
from stream.record import Embedding, Kind
from tests.made import Ears
from tests.models.clips import CLIPS, clip_file, pictures
from tests.models.conftest import Say
from tests.models.reference import cosines
from tests.models.test_motion import clips_of
from workers.decoder import DecoderThreads
from workers.device import DeviceThread
from workers.models import Labelled, Model, Texted, check, load
from workers.models.motion.network import CLASSES, DIM, preprocess
from workers.models.motion.network import load as load_network
from workers.pipeline import Pipeline
from workers.service import load_models


@pytest.fixture(scope="module")
def motion() -> Model:
    return load("motion", "auto", "cpu")


def test_is_a_clip_model_that_needs_nothing_but_the_package(motion: Model) -> None:
    outline = check("motion")
    assert (outline.kind, outline.frames, outline.dim, outline.text) == (Kind.CLIP, 16, DIM, True)
    assert motion.card.weights == outline.tag
    assert isinstance(motion, Labelled)
    assert motion.classes == CLASSES
    rows = load_network().head.weight.detach().numpy()
    np.testing.assert_allclose(motion.class_vectors, rows, atol=1e-6)


@pytest.mark.parametrize("clip", CLIPS)
def test_equals_its_network_on_the_same_pixels(motion: Model, clip: str, say: Say) -> None:
    shown = pictures(clip, 16, step=3)
    with torch.inference_mode():
        theirs = load_network().features(preprocess(torch.from_numpy(np.stack(shown)).unsqueeze(0))).numpy()
    same = cosines(motion.embed([shown]), theirs).item()
    say(f"motion, trained, {clip}: same pixels, cosine {same:.6f}")
    assert same >= 0.9999


def test_a_movement_is_found_by_its_name_and_its_reverse_by_the_opposite(motion: Model) -> None:
    assert isinstance(motion, Texted)
    left, right = motion.embed_text(["pan left", "Pan right"])
    clips = clips_of("pan left").numpy()
    there, back = motion.embed(list(clips)), motion.embed(list(clips[:, ::-1]))
    assert np.mean(there @ left > there @ right) >= 0.75
    assert np.mean(back @ right > back @ left) >= 0.75
    with pytest.raises(ModelError, match='none is called "pan lft"; nearest: pan left'):
        motion.embed_text(["pan lft"])


def test_untrained_it_has_no_classes() -> None:
    assert not isinstance(load("motion", "random", "cpu"), Labelled)


def test_there_is_one() -> None:
    with pytest.raises(ModelError, match='there is only one: say "motion"'):
        check("motion:large")


def published(*embedders: EmbedderConfig) -> list[Embedding]:
    """Of the bikes, by real models."""
    config = Config(cameras=(CameraConfig(id="bikes", url=str(clip_file("bikes"))),), embedders=embedders)
    ears = Ears()

    async def main() -> None:
        with closing(DeviceThread("cpu")) as device, closing(DecoderThreads(1, lambda: 0.0)) as decoders:
            loaded = await load_models(config, device, asyncio.Event())
            await Pipeline(config, loaded, decoders, device, ears.outlet()).run(asyncio.Event())

    asyncio.run(main())
    return ears.published


def test_its_records_leave_the_pipeline_with_the_nearest_movements(motion: Model) -> None:
    windows = (WindowConfig(span_s=2, hop_s=1),)
    action = EmbedderConfig(name="action", model="motion", windows=windows, labels="classes", top_k=2)
    records = published(action)
    assert len(records) >= 8
    assert {(e.model, e.weights, e.kind) for e in records} == {("motion", motion.card.weights, Kind.CLIP)}
    assert isinstance(motion, Labelled)
    for e in records:
        cosine = dict(zip(motion.classes, motion.class_vectors @ e.vector, strict=True))
        nearest = sorted(cosine, key=lambda name: -cosine[name])[:2]
        assert e.labels is not None
        assert [name for name, _ in e.labels] == nearest
        assert dict(e.labels) == {name: pytest.approx(cosine[name], abs=1e-4) for name in nearest}


def test_labels_do_not_change_the_space_nor_the_vectors() -> None:
    plain = EmbedderConfig(name="scene", model="efficientnet_lite0")
    told = plain.model_copy(update={"name": "told", "labels": ("moped", "hare", "seat belt"), "top_k": 1})
    records = published(plain, told)
    scene, with_labels = ([e for e in records if e.embedder == name] for name in ("scene", "told"))
    assert len(scene) == len(with_labels) > 5
    assert {e.space for e in records} == {scene[0].space}
    for one, other in zip(scene, with_labels, strict=True):
        np.testing.assert_allclose(one.vector, other.vector, atol=1e-5)
    assert {e.labels for e in scene} == {None}
    named = [e.labels[0][0] for e in with_labels if e.labels]
    assert len(named) == len(scene)
    assert max(set(named), key=named.count) == "moped"
