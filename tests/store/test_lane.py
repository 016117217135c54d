"""A lane: what was appended is read, once and in order, whatever happens to who appended it."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.store import lane as lanes
from jupyter_mlops.store.databases import DiskFull
from jupyter_mlops.store.lane import SUFFIX, Lane, LaneReader


def point(step: int, key: str = "m", value: float | str = 0.5) -> MetricPoint:
    return MetricPoint(key=key, value=value, step=step, at_ms=step + 1)


def read_all(folder: Path) -> list[MetricPoint]:
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        reader = LaneReader(path)
        while points := reader.read():
            found += points
            reader.shipped()
        reader.close()
    return found


def test_what_is_appended_is_read_once_and_in_order(tmp_path):
    lane = Lane(tmp_path / "run")
    given = [point(n, key, value) for n in range(5000) for key, value in (("a", n / 7), ("b/é", "NaN"))]
    for start in range(0, len(given), 3):
        lane.log(given[start : start + 3])
    assert read_all(tmp_path / "run") == given
    assert read_all(tmp_path / "run") == []
    lane.log([point(1, "c")])
    assert read_all(tmp_path / "run") == [point(1, "c")]


def test_a_reader_that_begins_anew_knows_keys_from_before_its_mark(tmp_path):
    lane = Lane(tmp_path)
    lane.log([point(0, "first"), point(0, "second")])
    assert len(read_all(tmp_path)) == 2
    lane.log([point(1, "second")])
    assert read_all(tmp_path) == [point(1, "second")]


def test_what_did_not_arrive_is_read_again(tmp_path):
    lane = Lane(tmp_path)
    lane.log([point(0, "old"), point(1, "old")])
    reader = LaneReader(next(tmp_path.glob(f"*{SUFFIX}")))
    assert len(reader.read()) == 2
    reader.shipped()
    lane.log([point(n, key) for n in range(2, 6000) for key in ("old", "new")])
    first = reader.read()
    assert 0 < len(first) < 2 * 5998  # more is left
    reader.rewind()
    assert reader.read() == first
    reader.shipped()
    rest = []
    while points := reader.read():
        rest += points
    reader.rewind()
    assert [point.step for point in first + rest] == [n for n in range(2, 6000) for _ in range(2)]
    again = reader.read()
    assert again == rest[: len(again)] != []
    reader.close()


def test_a_call_larger_than_a_window_and_long_new_names_are_kept(tmp_path):
    lane = Lane(tmp_path)
    lane.log([point(0)])
    large = [point(n, f"{n:05}" + "k" * 245) for n in range(6000)]
    lane.log(large)
    lane.log([point(1)])
    assert read_all(tmp_path) == [point(0), *large, point(1)]


def test_an_interrupt_within_a_call_costs_that_call_only(tmp_path, monkeypatch):
    lane = Lane(tmp_path)
    lane.log([point(0)])

    class Interrupting:
        size = lanes._SLOT.size
        unpack_from = staticmethod(lanes._SLOT.unpack_from)

        @staticmethod
        def pack_into(*_: object) -> None:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lanes, "_SLOT", Interrupting)
        with pytest.raises(KeyboardInterrupt):
            lane.log([point(1)])
        with pytest.raises(KeyboardInterrupt):
            lane.log([point(1, "new")])
    lane.log([point(2), point(2, "new")])
    assert read_all(tmp_path) == [point(0), point(2), point(2, "new")]


def test_threads_lose_nothing_to_each_other(tmp_path):
    lane = Lane(tmp_path)
    work = [threading.Thread(target=lambda k=k: [lane.log([point(n, f"k{k}")]) for n in range(3000)]) for k in range(4)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    found = read_all(tmp_path)
    assert len(found) == 12_000
    assert all([p.step for p in found if p.key == f"k{k}"] == list(range(3000)) for k in range(4))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forking beside threads: that is what is tested
def test_a_forked_child_goes_on_in_a_lane_of_its_own(tmp_path):
    lane = Lane(tmp_path)
    lane.log([point(0)])
    held = threading.Lock()
    lane._lock = held
    held.acquire()  # as another thread may hold it when the fork comes
    child = os.fork()
    if child == 0:
        try:
            for n in range(100, 3000):
                lane.log([point(n)])
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    held.release()
    for n in range(1, 100):
        lane.log([point(n)])
    assert sorted(one.step for one in read_all(tmp_path)) == list(range(3000))
    assert len(list(tmp_path.glob(f"*{SUFFIX}"))) == 2


def test_who_logs_to_a_lane_that_was_shut_goes_elsewhere(tmp_path):
    folder, gone = tmp_path / "run", tmp_path / "gone"
    lane = Lane(folder)
    lane.log([point(0)])
    folder.rename(gone)
    [path] = gone.glob(f"*{SUFFIX}")
    reader = LaneReader(path)
    reader.shut()
    lane.log([point(1)])
    reader.close()
    assert read_all(folder) == [point(1)]


def test_a_full_disk_is_an_error_and_takes_no_half_of_a_call(small_disk, fill):
    lane = Lane(small_disk / "run")
    lane.log([point(0)])
    fill(small_disk / "filler")
    logged = [point(0)]

    def log_on() -> None:
        for n in range(1, 10_000):
            lane.log([point(n), point(n, "other")])
            logged.extend([point(n), point(n, "other")])

    with pytest.raises(DiskFull):
        log_on()
    (small_disk / "filler").unlink()
    lane.log([point(20_000)])
    assert read_all(small_disk / "run") == [*logged, point(20_000)]
