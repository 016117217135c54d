"""The journal: what was logged reaches MLflow, whatever happens to who logged it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.store.mlflow_client import MlflowStore, TrackingDown
from jupyter_mlops.training.capture import Plan, begin


def point(step: int) -> MetricPoint:
    return MetricPoint(key="m", value=float(step), step=step, at_ms=step + 1)


def test_what_is_logged_is_in_mlflow_within_a_second(workspace):
    run = workspace.tracking.create_run("e", None, tags={}, params={})
    journal = workspace.journals.open(run.id, run.artifact_uri)
    journal.log([point(0)])
    deadline = time.monotonic() + 10  # the machine may be busy; the point is that nobody closed the journal
    while not workspace.tracking.history(run.id, "m") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [one.step for one in workspace.tracking.history(run.id, "m")] == [0]
    journal.close("FINISHED", "", time.time())
    assert workspace.tracking.run(run.id).status == "FINISHED"
    assert not (workspace.root / "journal" / run.id).exists()


def test_a_killed_process_loses_nothing_that_was_logged(workspace, tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom jupyter_mlops.workspace import Workspace\n"
        "from jupyter_mlops.training.capture import Plan, begin\n"
        "capture = begin(Workspace.open(Path(sys.argv[1])), Plan(folder=Path(sys.argv[1]), snapshot=False))\n"
        "print(capture.run.id, flush=True)\n"
        "step = 0\nwhile True:\n    capture.log({'m': step}, step=step)\n    print(step, flush=True)\n    step += 1\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    run_id = child.stdout.readline().strip()
    logged = [int(child.stdout.readline()) for _ in range(500)]
    os.kill(child.pid, signal.SIGKILL)
    rest, _ = child.communicate()
    logged += [int(line) for line in rest.splitlines() if line]
    assert workspace.journals.ship_leftovers() == [run_id]
    steps = [one.step for one in workspace.tracking.history(run_id, "m")]
    assert steps[: len(logged)] == logged
    assert len(steps) == len(set(steps))
    assert len(steps) <= len(logged) + 1  # logged, but killed before it said so


def test_while_the_server_is_away_nothing_is_lost_and_the_end_is_told_later(workspace, monkeypatch, tmp_path):
    capture = begin(workspace, Plan(folder=tmp_path, snapshot=False))
    _go_away(workspace.tracking, monkeypatch)
    capture.log({"m": 1.0})
    with pytest.raises(TrackingDown):
        capture.end("FAILED", reason="why")
    monkeypatch.undo()
    assert workspace.tracking.run(capture.run.id).status == "RUNNING"
    assert workspace.journals.ship_leftovers() == [capture.run.id]
    run = workspace.tracking.run(capture.run.id)
    assert (run.status, run.reason, run.metrics) == ("FAILED", "why", {"m": 1.0})


@pytest.mark.parametrize("error", [TrackingDown("sqlite:", "connection refused"), RuntimeError("unforeseen")])
def test_what_a_store_does_not_take_at_first_is_shipped_before_what_comes_after_it(workspace, monkeypatch, error):
    run = workspace.tracking.create_run("e", None, tags={}, params={})
    journal = workspace.journals.open(run.id, run.artifact_uri)
    take, refused = workspace.tracking.log, []

    def log(run_id: str, **what: Any) -> None:
        if len(refused) < 2:
            refused.append(what)
            raise error
        take(run_id, **what)

    monkeypatch.setattr(workspace.tracking, "log", log)
    for half in (range(3000), range(3000, 6000)):
        journal.log([point(step) for step in half])
        while not refused:
            time.sleep(0.01)
    assert journal.flush()
    journal.close("FINISHED", "", time.time())
    assert len(refused) == 2
    assert [one.step for one in workspace.tracking.history(run.id, "m")] == list(range(6000))


def test_a_living_runs_journal_is_left_alone(workspace):
    run = workspace.tracking.create_run("e", None, tags={}, params={})
    journal = workspace.journals.open(run.id, run.artifact_uri)
    assert workspace.journals.ship_leftovers() == []
    journal.close("FINISHED", "", time.time())


def test_a_removed_runs_journal_goes_away(workspace):
    run = workspace.tracking.create_run("e", None, tags={}, params={})
    workspace.journals.append(run.id).log([point(0)])
    workspace.journals.append("0" * 32).log([point(0)])
    assert set(workspace.journals.ship_leftovers()) == {run.id, "0" * 32}
    assert not list((workspace.root / "journal").iterdir())


def _go_away(store: MlflowStore, monkeypatch) -> None:
    """Point the store at a server that nobody runs, as when a team's server is down."""
    monkeypatch.setattr(store, "uri", "http://127.0.0.1:9")
    monkeypatch.setattr(store, "_answered_at", 0.0)


def test_a_run_that_ends_on_a_full_disk_is_ended_when_there_is_room(small_disk, fill, open_workspace):
    workspace = open_workspace(small_disk)
    plan = Plan(folder=small_disk, snapshot=False)
    capture = begin(workspace, plan)
    capture.log({"before": 1})
    fill(small_disk / "filler")
    with pytest.raises(MlopsError, match="full"):
        log_until_full(capture)
    with pytest.raises(MlopsError, match="full"):
        capture.end("FAILED", reason="it was full")
    (small_disk / "filler").unlink()
    begin(workspace, plan).end("FINISHED")
    deadline = time.monotonic() + 10
    while workspace.tracking.run(capture.run.id).status == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.05)
    ended = workspace.tracking.run(capture.run.id)
    assert (ended.status, ended.reason) == ("FAILED", "it was full")
    assert ended.metrics["before"] == 1
    workspace.close()


def log_until_full(capture):
    for n in range(10_000):
        capture.log({"m": n})


def test_a_journal_that_is_being_opened_is_not_taken_for_a_leftover(workspace):
    stop = threading.Event()

    def ship() -> None:
        while not stop.is_set():
            workspace.journals.ship_leftovers()

    shippers = [threading.Thread(target=ship) for _ in range(2)]
    for shipper in shippers:
        shipper.start()
    try:
        run = workspace.tracking.create_run("e", None, tags={}, params={})
        for step in range(60):
            journal = workspace.journals.open(run.id, run.artifact_uri)
            journal.log([point(step)])
            journal.close("FINISHED", "", time.time())
    finally:
        stop.set()
        for shipper in shippers:
            shipper.join()
    assert [one.step for one in workspace.tracking.history(run.id, "m")] == list(range(60))
