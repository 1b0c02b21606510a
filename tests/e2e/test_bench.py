"""`livevec bench`, the short form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream.metrics import Counters, Metric
from tests.media import clip
from tests.program import Livevec
from workers.bench.ours import NotExact, check_exact

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

STORY_S = 240.0
STAGES = {"decode", "scale", "embed", "publish", "total"}


def test_the_short_form_measures_a_video_that_it_makes(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    with Livevec(tmp_path, "bench", "--seconds", "8", "--rounds", "1", "--json", str(out)) as bench:
        assert bench.process.wait(STORY_S) == 0
    measured = json.loads(out.read_text())
    (only,) = measured["rounds"]
    assert only["sampled"] == only["forwards"] == 8 * 4
    assert (only["windows"], only["naive_forwards"]) == (4, 4 * 16)  # those that end after 5, 6, 7 and 8 s
    for way in ("alone", "pipeline", "naive"):
        assert set(measured["cpu_s_per_video_s"][way]) == STAGES
    assert (
        measured["ratio"]["median"] >= 3.5
    )  # a frame is in four windows; batches and small pictures add to it
    assert "the naive way costs" in bench.said


def test_both_ways_give_the_same_vectors_of_a_real_clip(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    arguments = ["--input", str(clip("bikes")), "--model", "efficientnet_lite0", "--rounds", "1"]
    with Livevec(tmp_path, "bench", *arguments, "--json", str(out)) as bench:
        assert bench.process.wait(STORY_S) == 0
    measured = json.loads(out.read_text())
    assert measured["video"]["duration_s"] == 10
    assert measured["rounds"][0]["least_cosine"] >= 0.99  # real weights, frames scaled once in the decoder


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--input", "nowhere.mp4"], "--input: no such file: nowhere.mp4"),
        (["--input", str(clip("bigbuckbunny"))], "must be 8 s long at least"),
        (["--model", "torchvision:r3d_18"], "what can be measured is efficientnet_lite0 and open_clip"),
        (["--seconds", "7"], "--seconds: must be at least 8"),
    ],
)
def test_says_in_one_line_what_it_cannot_measure(tmp_path: Path, arguments: list[str], says: str) -> None:
    with Livevec(tmp_path, "bench", *arguments) as bench:
        assert bench.process.wait(STORY_S) == 2
    assert says in bench.said
    assert "Traceback" not in bench.said


def test_a_frame_that_is_embedded_twice_is_a_failure() -> None:
    counters = Counters()
    counters.add(Metric.FRAMES_SAMPLED, "bench", n=80)
    counters.add(Metric.FRAMES_EMBEDDED, "bench", n=80)
    check_exact(counters, forwards=80)
    with pytest.raises(NotExact, match="80 frames sampled, 80 embedded, 81 went through the model"):
        check_exact(counters, forwards=81)


def test_a_window_that_is_not_published_is_a_failure() -> None:
    counters = Counters()
    counters.add(Metric.WINDOWS_DUE, "bench", n=17)
    counters.add(Metric.WINDOWS_PUBLISHED, "bench", n=16)
    with pytest.raises(NotExact, match="17 windows due, 16 published"):
        check_exact(counters, forwards=0)
