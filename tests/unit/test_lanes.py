from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stream.frames import Clock, Session
from stream.jobs import Job
from stream.lanes import Lane
from stream.metrics import Counters
from stream.rolls import Roll
from tests.made import embedder, frame

EMBEDDER = embedder()
puts = st.lists(st.one_of(st.sampled_from("abcF"), st.integers(1, 5)), max_size=80)  # a camera, or take N


def job(camera: str, n: int = 0) -> Job:
    session = Session(camera, 1, Clock.FILE if camera == "F" else Clock.ARRIVAL)
    return Job.of(Roll(session, EMBEDDER, Counters()), [frame(n, session=session)], float(n))


@given(puts, st.integers(1, 4))
def test_nothing_is_lost_but_what_is_returned(steps: list[str | int], per_camera: int) -> None:
    lane = Lane(per_camera, live_cameras=3)
    given_in, came_out, shed = [], [], []
    for n, step in enumerate(steps):
        if isinstance(step, int):
            came_out += lane.take(step)
        elif step != "F" or lane.has_room("F"):
            given_in.append(new := job(step, n))
            gone = lane.put(new)
            shed += [gone] if gone else []
        assert len(lane) == len(given_in) - len(came_out) - len(shed)
        assert len(lane) <= per_camera * 4
    came_out += lane.clear()
    assert set(map(id, given_in)) == set(map(id, came_out + shed))
    assert len(given_in) == len(came_out) + len(shed)
    assert all(each.live for each in shed)
    for camera in "abcF":
        order = [each.queued_at for each in came_out if each.camera == camera]
        assert order == sorted(order)


def test_the_oldest_of_the_camera_with_most_waiting_goes() -> None:
    lane = Lane(2, live_cameras=2)
    jobs = [job("a", 0), job("a", 1), job("a", 2), job("b", 3)]
    assert [lane.put(each) for each in jobs] == [None] * 4
    assert lane.put(job("b", 4)) is jobs[0]


def test_cameras_take_turns() -> None:
    lane = Lane(9, live_cameras=3)
    for n in range(6):
        lane.put(job("a", n))
    lane.put(job("b"))
    lane.put(job("c"))
    assert Counter(each.camera for each in lane.take(4)) == {"a": 2, "b": 1, "c": 1}


def test_a_file_has_its_own_room() -> None:
    lane = Lane(1, live_cameras=1)
    lane.put(job("F"))
    assert not lane.has_room("F")
    assert lane.put(job("a")) is None
    shed = lane.put(job("a", 1))
    assert shed is not None
    assert shed.camera == "a"
    lane.take(2)
    assert lane.has_room("F")
