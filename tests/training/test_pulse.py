"""One thread does what all runs of a process need done every so often."""

from __future__ import annotations

import os
import threading
import time

from jupyter_mlops.training.pulse import Pulse


def wait_for(is_so, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert is_so()


def test_each_is_done_as_often_as_it_says_until_it_is_stopped():
    pulse, often, seldom = Pulse(), [], []
    beats = [
        pulse.every(lambda: often.append(1) or 0.01, 0.01),
        pulse.every(lambda: seldom.append(1) or 60.0, 0.05),
    ]
    wait_for(lambda: len(often) > 10)
    assert len(seldom) == 1
    for beat in beats:
        beat.stop()
    n_often = len(often)
    time.sleep(0.1)
    assert len(often) == n_often


def test_one_that_is_due_sooner_does_not_wait_for_the_others():
    pulse, done = Pulse(), []
    later = pulse.every(lambda: 60.0, 60.0)
    pulse.every(lambda: done.append(1) or 60.0, 0.01)
    wait_for(lambda: done == [1])
    later.stop()


def test_a_stop_waits_for_what_is_being_done():
    pulse, begun, ended = Pulse(), threading.Event(), []

    def slow() -> float:
        begun.set()
        time.sleep(0.2)
        ended.append(1)
        return 0.01

    beat = pulse.every(slow, 0.0)
    assert begun.wait(10)
    beat.stop()
    assert ended == [1]


def test_one_that_fails_keeps_no_other_from_it_and_is_tried_again(caplog):
    pulse, failed, done = Pulse(), [], []

    def fail() -> float:
        failed.append(1)
        raise ValueError("unforeseen")

    beats = [pulse.every(fail, 0.01), pulse.every(lambda: done.append(1) or 0.01, 0.01)]
    wait_for(lambda: len(failed) > 1 and len(done) > 1)
    for beat in beats:
        beat.stop()
    assert "unforeseen" in caplog.text


def test_the_thread_ends_when_there_has_been_nothing_to_do_and_comes_back(monkeypatch):
    monkeypatch.setattr("jupyter_mlops.training.pulse._IDLE_S", 0.05)
    pulse, done = Pulse(), []
    pulse.every(lambda: 60.0, 0.01).stop()
    wait_for(lambda: pulse._thread is None)
    beat = pulse.every(lambda: done.append(1) or 60.0, 0.01)
    wait_for(lambda: done == [1])
    beat.stop()


def test_a_forked_child_has_nothing_to_do_until_it_begins_a_run_itself():
    from jupyter_mlops.training.pulse import PULSE

    beat = PULSE.every(lambda: 60.0, 60.0)
    child = os.fork()
    if child == 0:
        done = threading.Event()
        nothing = not PULSE._due
        PULSE.every(lambda: done.set() or 60.0, 0.01)
        os._exit(0 if nothing and done.wait(10) else 1)
    assert os.waitpid(child, 0)[1] == 0
    beat.stop()
