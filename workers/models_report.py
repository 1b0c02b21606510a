"""What `livevec models` finds out, and how it says so: as lines, or as facts for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

from stream.cards import ModelCard
from stream.config import EmbedderConfig
from stream.errors import LivevecError
from workers.bars import Tell, bar_of_bytes, bar_of_rounds
from workers.models import device_of, line, load_for
from workers.models.catalogue import Entry, Listing, Weights
from workers.models.measure import Timing, measure
from workers.models.pull import NotPulled, Pulled, check, pull
from workers.models.spec import RANDOM, Spec

Facts = dict[str, object]


def lines_of(listings: Sequence[Listing]) -> Iterator[str]:
    width = max(len(entry.model) for listing in listings for entry in listing.entries)
    yield f"{'model':<{width}}  kind      dim  frames  text  weights"
    for listing in listings:
        yield from (_line_of(entry, width) for entry in listing.entries)
        if listing.more:
            yield f"{listing.family}: {listing.more:,} more: livevec models --family {listing.family}"


def _line_of(entry: Entry, width: int) -> str:
    outline = entry.outline
    if outline is None:
        return f"{entry.model:<{width}}  cannot be used here: say livevec models pull {entry.model}"
    text = "yes" if outline.text else "no"
    known = f"{outline.kind:<6}  {outline.dim or '-':>5}  {outline.frames:>6}  {text:<4}"
    return f"{entry.model:<{width}}  {known}  {entry.weights}"


def facts_of(listings: Sequence[Listing]) -> Iterator[Facts]:
    for listing in listings:
        for entry in listing.entries:
            facts: Facts = {"model": entry.model, "family": listing.family, "weights": entry.weights}
            if outline := entry.outline:
                facts |= {"kind": outline.kind, "dim": outline.dim}
                facts |= {"frames": outline.frames, "text": outline.text}
            yield facts


@dataclass(frozen=True, slots=True)
class Measured:
    """A model's times on a device."""

    card: ModelCard
    device: str
    timing: Timing

    def line(self, width: int) -> str:
        card, timing = self.card, self.timing
        weights = "  untrained" if card.weights == RANDOM else ""
        return (
            f"{card.model:<{width}}  {card.dim:>5}  {card.frames:>6}  {timing.alone_ms:>9.1f}  "
            f"{timing.batched_ms:>9.1f}  {timing.batch:>5}  {1e3 / timing.batched_ms:>7.1f}{weights}"
        )

    @property
    def facts(self) -> Facts:
        card, timing = self.card, self.timing
        facts: Facts = {"model": card.model, "weights": card.weights, "kind": card.kind, "dim": card.dim}
        facts |= {"frames": card.frames, "device": self.device, "ms_alone": round(timing.alone_ms, 3)}
        return facts | {"batch": timing.batch, "ms_batched": round(timing.batched_ms, 3)}


def header_of_measured(width: int) -> str:
    return f"{'model':<{width}}    dim  frames  ms, alone  ms, batch  batch  items/s"


def measured(embedders: Sequence[EmbedderConfig], device: str, rounds: int) -> Iterator[Measured]:
    """One after the other, so that only one is in memory. Raises ModelError, EmbedError."""
    name = str(device_of(device))
    for embedder in embedders:
        with bar_of_rounds() as tell:
            measured = _measured(embedder, name, rounds, tell)
        yield measured


def _measured(embedder: EmbedderConfig, device: str, rounds: int, tell: Tell) -> Measured:
    tell(embedder.model, 0, None)
    model = load_for(embedder, device)

    def passed(done: int, of: int) -> None:
        tell(embedder.model, done, of)

    timing = measure(model, embedder.max_batch, rounds, perf_counter, passed)
    return Measured(model.card, device, timing)


def pulled(embedders: Sequence[EmbedderConfig]) -> Iterator[Pulled]:
    """All that can be had; raises a group of ModelErrors before any, or of NotPulled after the others."""
    specs = [_spec(embedder) for embedder in embedders if embedder.weights != RANDOM]
    check(specs)
    failed: list[LivevecError] = []
    for spec in dict.fromkeys(specs):
        try:
            with bar_of_bytes() as tell, line.watched_by(tell):
                found = pull(spec)
            yield found
        except NotPulled as error:
            failed.append(error)
    if failed:
        raise ExceptionGroup("not pulled", failed)


def _spec(config: EmbedderConfig) -> Spec:
    return Spec.parse(config.model, config.weights, sha256=config.sha256 or "", fit=config.fit or "")


def lines_of_pulled(found: Pulled) -> Iterator[str]:
    yield found.spec.model
    if found.place is None:
        yield "  its weights come with its code"
        return
    was = "fetched" if found.was is Weights.AWAY else found.was
    yield f'  sha256 = "{found.sha256}"'
    yield f"  {found.place} ({found.size / 1e6:,.1f} MB, {was})"


def facts_of_pulled(found: Pulled) -> Facts:
    facts: Facts = {"model": found.spec.model, "weights": found.spec.weights, "was": found.was}
    return facts | {"file": found.place and str(found.place), "bytes": found.size, "sha256": found.sha256}
