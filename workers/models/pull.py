"""Weights fetched ahead, so that a start needs no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stream.errors import LivevecError, ModelError, WeightsUnavailable
from workers.models import digest, line
from workers.models.catalogue import Weights, place_of
from workers.models.families import fetch, outline_of
from workers.models.spec import Spec


class NotPulled(LivevecError):
    """Weights that were asked for could not be fetched, or are not what they should be."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """Weights that are on this machine."""

    spec: Spec
    place: Path | None  # a checkpoint or its folder; None where the model's own code brings them
    sha256: str  # empty if there is no file
    size: int  # bytes of the tensors' files
    was: Weights  # where they were before


def check(specs: Iterable[Spec]) -> None:
    """Of all names, before anything is fetched. Raises a group of ModelErrors."""
    wrong = [error for spec in specs for error in _wrong(spec)]
    if wrong:
        raise ExceptionGroup("models", wrong)


def pull(spec: Spec) -> Pulled:
    """Fetched if need be, and compared with its `sha256`. Raises NotPulled."""
    was, _ = place_of(spec)
    try:
        outline_of(spec)
        place = fetch(spec)
        digest.verify(spec, place)
    except ModelError as error:
        raise NotPulled(str(error)) from error
    if place is None:
        return Pulled(spec, None, "", 0, was)
    size = sum(file.stat().st_size for file in digest.weights_of(place))
    return Pulled(spec, place, digest.digest_of(place), size, was)


def _wrong(spec: Spec) -> Iterator[ModelError]:
    with line.closed():
        try:
            outline_of(spec)
        except WeightsUnavailable:
            return  # they are what is to be fetched
        except ModelError as error:
            yield error
