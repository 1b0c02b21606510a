"""What the demo shows of a board: a table on a terminal, plain lines elsewhere, a summary at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich import box
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from stream.metrics import Drop
from stream.status import CameraStatus, State
from workers.demo.board import Board, Row

COLUMNS: Mapping[str, JustifyMethod] = {
    "camera": "left",
    "state": "left",
    "fps\nin": "right",
    "embedder": "left",
    "windows\nout": "right",
    "age": "right",
    "similarity": "right",
    "drops": "right",
    "looks like": "left",
}
NOT_YET = "-"
STYLES = {State.LIVE: "green", State.CONNECTING: "yellow", State.WAITING: "yellow", State.REJECTED: "red"}


def table(board: Board, caption: str) -> Table:
    """A row for each camera and embedder; what belongs to the camera stands in its first row only."""
    drawn = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, caption=caption, caption_justify="left")
    for column, justify in COLUMNS.items():
        drawn.add_column(column, justify=justify, vertical="bottom", no_wrap=column != "looks like")
    for camera, rows in board.rows.items():
        status = board.statuses.get(camera)
        for number, (embedder, row) in enumerate(rows.items()):
            first = number == 0
            name, state, fps, drops = _camera_cells(camera, status) if first else (Text(),) * 4
            windows, age, similarity, looks_like = _row_cells(row)
            drawn.add_row(name, state, fps, embedder, windows, age, similarity, drops, looks_like)
    return drawn


def lines(board: Board) -> Iterator[str]:
    """One line for each camera, to be read one by one."""
    for camera, rows in board.rows.items():
        name, state, fps, drops = (cell.plain for cell in _camera_cells(camera, board.statuses.get(camera)))
        parts = [f"{name}: {state}, {fps} fps in, {drops} drops"]
        for embedder, row in rows.items():
            windows, age, similarity, looks_like = _row_cells(row)
            parts.append(f"{embedder}: {windows} windows, age {age}, similarity {similarity}, {looks_like}")
        yield " | ".join(parts)


def summary(board: Board) -> Iterator[str]:
    """Reconnects, drops, windows and ages of the whole run, and all that was seen."""
    for camera, rows in board.rows.items():
        status = board.statuses.get(camera) or CameraStatus(camera, "")
        frames, windows = _reasons(status.frame_drops), _reasons(status.window_drops)
        reconnects = max(status.connects - 1, 0)
        yield f"{camera}: reconnects: {reconnects}, frames dropped: {frames}, windows dropped: {windows}"
        for embedder, row in rows.items():
            yield f"  {embedder}: windows: {row.windows}{_ages(row)}{_seen(row)}"


def _camera_cells(camera: str, status: CameraStatus | None) -> tuple[Text, Text, Text, Text]:
    """camera, state, fps in, drops"""
    if status is None:
        return Text(camera, "bold"), Text("starting"), Text(NOT_YET), Text(NOT_YET)
    state = Text(status.state, STYLES.get(status.state, ""))
    if status.code:
        state.append(f" ({status.code})")
    drops = lost(status)
    return Text(camera, "bold"), state, Text(f"{status.fps_in:.1f}"), Text(str(drops), "red" if drops else "")


def _row_cells(row: Row) -> tuple[str, str, str, str]:
    """windows, age, similarity, looks like"""
    if row.newest is None:
        return "0", NOT_YET, NOT_YET, NOT_YET
    similarity = NOT_YET if row.similarity is None else f"{row.similarity:.3f}"
    age = f"{row.newest.age_ms / 1000:.2f} s"
    return str(row.windows), age, similarity, row.looks_like or NOT_YET


def lost(status: CameraStatus) -> int:
    """Frames and windows that were dropped. That the first windows are not covered yet is no loss."""
    drops = [*status.frame_drops.items(), *status.window_drops.items()]
    return sum(count for reason, count in drops if reason != Drop.COVERAGE)


def _reasons(drops: Mapping[str, int]) -> str:
    return " and ".join(f"{count} for {reason}" for reason, count in drops.items()) or "none"


def _ages(row: Row) -> str:
    if not row.ages_ms:
        return ""
    return f", age p50 {row.age_ms(50) / 1000:.2f} s, p99 {row.age_ms(99) / 1000:.2f} s"


def _seen(row: Row) -> str:
    return f", looked like: {', '.join(row.seen_as)}" if row.seen_as else ""
