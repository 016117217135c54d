"""Activities: followed, cancelled, and shown."""

from __future__ import annotations

import io
import threading
import time

import msgspec
import pytest

from jupyter_mlops.cli.follow import LiveLine, follow
from jupyter_mlops.cli.session import Session
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import Conflict, Remote


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def activity(here):
    return here.catalog.add(Activity(name="a1", verb="images.build", subject="churn:1"))


def change(workspace, **fields):
    workspace.catalog.edit(Activity, "a1", lambda one: msgspec.structs.replace(one, **fields))


def test_elsewhere_than_on_a_terminal_each_new_message_is_a_line():
    out = io.StringIO()
    line = LiveLine(out)
    for message in ("one", "one", "two", ""):
        line.update(message, 0.5)
    line.clear()
    assert out.getvalue() == "one\ntwo\n"


def test_on_a_terminal_one_line_is_written_over_and_cleared(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")
    out = Terminal()
    line = LiveLine(out)
    line.update("a message that does not fit at all", 0.25)
    assert out.getvalue().startswith("\r\x1b[2K")
    assert " 25% " in out.getvalue()
    assert len(out.getvalue().removeprefix("\r\x1b[2K")) == 29
    line.clear()
    assert out.getvalue().endswith("\r\x1b[2K")


def test_following_shows_the_steps_and_returns_the_end(here, activity, capsys):
    def work():
        for step in ("packing", "building"):
            change(here, state="running", message=step, progress=0.5)
            time.sleep(0.25)
        change(here, state="done", message="built", progress=1.0, result={"image": "x"})

    worker = threading.Thread(target=work)
    worker.start()
    ended = follow(Session(world=here), activity)
    worker.join()
    assert ended.result == {"image": "x"}
    assert capsys.readouterr().err.splitlines()[-3:] == ["packing", "building", "built"]


def test_a_failure_is_its_own_error_with_its_hint(here, activity, mlops):
    change(here, state="failed", error=Conflict("No engine.", hint="Start it.").problem(), message="looking")
    with pytest.raises(Remote, match="No engine"):
        follow(Session(world=here), activity)
    answer = mlops("activities", "wait", "a1")
    assert answer.code == 4
    assert answer.err.endswith("Error: No engine.\nHint: Start it.\n")
    shown = mlops("activities", "show", "a1").out
    assert "No engine." in shown
    assert "Start it." in shown
    assert "No engine." in mlops("activities", "list", "--state", "failed").out


def test_an_interrupt_leaves_it_going_and_says_how_to_come_back(here, activity, capsys):
    def interrupt(_now):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(Session(world=here, on_progress=interrupt), activity)
    assert "mlops activities wait a1" in capsys.readouterr().err


def test_cancelling_what_runs_says_that_it_was_asked_to_stop(here, activity, mlops):
    change(here, state="running", message="building")
    assert "running, asked to stop" in mlops("activities", "cancel", activity.name).out


@pytest.mark.usefixtures("activity")
def test_cancel_ends_what_is_queued(mlops):
    assert mlops("activities", "cancel", "a1").code == 0
    assert mlops("activities", "show", "a1", "--json").json["state"] == "cancelled"
    again = mlops("activities", "cancel", "a1")
    assert again.code == 4
    assert "a1" in again.err
