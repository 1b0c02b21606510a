"""What the demo shows of the records and states that were read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from stream.errors import Code
from stream.record import Embedding
from stream.status import CameraStatus, State
from tests.records import embedding
from workers.demo.board import Board, similarity
from workers.demo.table import lines, summary, table

LABELS = ("mountain bike", "hare")  # one on each axis of a plane


def seen(number: int, *vector: float, **changes: object) -> Embedding:
    nearest = LABELS[int(np.argmax(vector))]
    labels = ((nearest, 0.1), ("suit", 0.05))
    return embedding(number, vector=np.array(vector, np.float32), labels=labels, **changes)


@pytest.fixture
def board() -> Board:
    return Board(["dock", "gate"], ["scene", "action"])


def drawn(board: Board, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(table(board, "caption"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def row_of(text: str, word: str) -> str:
    """The one line of the table that has this word, its cells apart by one space."""
    (line,) = [line for line in text.splitlines() if word in line.split()]
    return " ".join(line.split())


def test_a_camera_that_was_not_heard_of_is_starting(board: Board) -> None:
    assert row_of(drawn(board, 100), "dock") == "dock starting - scene 0 - - - -"


def test_a_row_shows_the_newest_window_and_what_it_looks_like(board: Board) -> None:
    board.statuses["dock"] = CameraStatus("dock", "", State.LIVE, fps_in=12.0)
    board.record(seen(1, 0.8, 0.6, age_ms=1250))
    board.record(seen(2, 0.6, 0.8, age_ms=340))
    assert row_of(drawn(board, 100), "dock") == "dock live 12.0 scene 2 0.34 s 0.960 0 hare"


def test_the_camera_stands_in_its_first_row_only(board: Board) -> None:
    assert [line.split()[0] for line in drawn(board, 100).splitlines() if "-" in line.split()] == [
        *("dock", "action"),
        *("gate", "action"),
    ]


def test_fits_a_terminal_of_eighty_columns(board: Board) -> None:
    board.statuses["dock"] = CameraStatus("dock", "", State.LIVE, fps_in=12.0)
    board.record(seen(1, 1, 0, age_ms=340))
    assert "mountain bike" in drawn(board, 80)
    assert max(map(len, drawn(board, 80).splitlines())) <= 80


def test_a_lost_camera_says_why(board: Board) -> None:
    board.statuses["gate"] = CameraStatus("gate", "", State.WAITING, code=Code.REFUSED)
    assert row_of(drawn(board, 100), "gate").startswith("gate waiting (refused) ")


def test_drops_are_what_was_lost_and_not_what_was_never_covered(board: Board) -> None:
    status = board.statuses["dock"] = CameraStatus("dock", "", State.LIVE)
    status.frame_drops, status.window_drops = {"shed": 3}, {"coverage": 2, "shed": 1}
    assert next(lines(board)).startswith("dock: live, 0.0 fps in, 4 drops | ")


def test_a_record_without_labels_looks_like_nothing(board: Board) -> None:
    board.record(embedding(1))
    assert board.rows["dock"]["scene"].looks_like == ""


def test_similarity_is_the_cosine_with_the_window_before() -> None:
    assert similarity(seen(1, 1, 0), seen(2, 0.6, 0.8)) == pytest.approx(0.6)


def test_there_is_no_similarity_across_sessions_or_spaces() -> None:
    assert similarity(None, seen(1, 1, 0)) is None
    assert similarity(seen(1, 1, 0), seen(2, 1, 0, session=2)) is None
    assert similarity(seen(1, 1, 0), seen(2, 1, 0, space="ba9876543210")) is None


def test_plain_lines_have_one_for_each_camera(board: Board) -> None:
    board.statuses["dock"] = CameraStatus("dock", "", State.LIVE, fps_in=12.0)
    board.record(seen(1, 0, 1, age_ms=340))
    dock, gate = lines(board)
    nothing = "0 windows, age -, similarity -, -"
    assert dock == (
        "dock: live, 12.0 fps in, 0 drops"
        f" | scene: 1 windows, age 0.34 s, similarity -, hare | action: {nothing}"
    )
    assert gate == f"gate: starting, - fps in, - drops | scene: {nothing} | action: {nothing}"


def test_the_summary_tells_of_the_whole_run(board: Board) -> None:
    board.statuses["dock"] = CameraStatus("dock", "", State.STOPPED, connects=3, window_drops={"coverage": 2})
    for number, (across, up) in enumerate([(1, 0), (0, 1), (1, 0)]):
        board.record(seen(number, across, up, age_ms=100 * (number + 1)))
    board.record(embedding(3, embedder="action", age_ms=2000))
    assert list(summary(board))[:3] == [
        "dock: reconnects: 2, frames dropped: none, windows dropped: 2 for coverage",
        "  scene: windows: 3, age p50 0.20 s, p99 0.30 s, looked like: mountain bike, hare",
        "  action: windows: 1, age p50 2.00 s, p99 2.00 s",
    ]


def test_a_board_is_behind_until_all_is_read_that_was_published(board: Board) -> None:
    board.statuses["dock"] = CameraStatus("dock", "", windows=2)
    board.record(seen(1, 1, 0))
    assert board.is_behind()
    board.record(seen(2, 1, 0))
    assert not board.is_behind()
