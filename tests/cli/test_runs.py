"""``mlops runs``: compared, followed, tagged, deleted, restored and watched from a terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from jupyter_mlops.core.run import MetricPoint


@pytest.fixture
def runs(here):
    """Two finished runs, ``a`` and ``b``."""
    for name, auc, c in (("a", 0.8, "1"), ("b", 0.9, "2")):
        run = here.tracking.create_run("churn", name, tags={}, params={"C": c})
        here.tracking.log(run.id, metrics=[MetricPoint(key="auc", value=auc, step=0, at_ms=1)])
        here.tracking.end_run(run.id, "FINISHED")
    return here


@pytest.mark.usefixtures("runs")
def test_runs_are_compared_with_the_best_value_marked(mlops):
    answer = mlops("runs", "compare", "a", "b")
    assert answer.code == 0, answer.err
    assert "0.9 *" in answer.out
    assert "0.8 *" not in answer.out
    found = mlops("runs", "compare", "a", "b", "--json").json
    assert found["params"] == [{"name": "C", "values": ["1", "2"], "differs": True}]


def test_a_terminal_that_can_draws_each_metric_as_a_curve(runs, mlops):
    run = runs.tracking.run("a")
    points = [MetricPoint(key="loss", value=1 / (n + 1), step=n, at_ms=n) for n in range(500)]
    runs.tracking.log(run.id, metrics=[*points, MetricPoint(key="bad", value="NaN", step=0, at_ms=1)])
    code = "from jupyter_mlops.cli import main; main()"
    command = [sys.executable, "-c", code, "runs", "show", "a"]
    drawn = in_a_terminal(command, LANG="C.UTF-8")
    assert re.search(r"loss +0.002 +█[▁▂▃▄▅▆▇█]{19}", drawn)
    assert re.search(r"auc +0.8\s*\n", drawn)  # one point is no curve
    assert "CURVE" not in in_a_terminal(command, PYTHONIOENCODING="ascii")
    assert "CURVE" not in mlops("runs", "show", "a").out
    assert "curves" not in mlops("runs", "show", "a", "--json").json


def in_a_terminal(command: list[str], **environment: str) -> str:
    """Return what a command writes to a terminal."""
    terminal, end = os.openpty()
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=end, stderr=end, env={**os.environ, **environment}
    )
    os.close(end)
    shown = b""
    with suppress(OSError):  # what Linux says at the end
        while piece := os.read(terminal, 4096):
            shown += piece
    os.close(terminal)
    assert child.wait() == 0
    return shown.decode()


@pytest.mark.usefixtures("runs")
def test_one_run_is_too_few_to_compare(mlops):
    answer = mlops("runs", "compare", "a")
    assert answer.code == 2
    assert "nothing to compare a with" in answer.err
    assert mlops("runs", "compare", "a", "nothing").code == 3


@pytest.mark.usefixtures("runs")
def test_a_run_is_tagged_deleted_and_restored(mlops):
    assert "team=risk" in mlops("runs", "tag", "a", "team=risk", "--note", "the *good* one").out
    assert "team" not in mlops("runs", "tag", "a", "--remove", "team", "--json").json["tags"]
    assert mlops("runs", "tag", "a", "team").code == 2
    assert mlops("runs", "tag", "a", "mlops.snapshot=x").code == 2
    deleted = mlops("runs", "delete", "a")
    assert deleted.code == 0
    assert "mlops runs restore" in deleted.out
    assert [item["name"] for item in mlops("runs", "list", "--json").json["items"]] == ["b"]
    assert [item["name"] for item in mlops("runs", "list", "--deleted", "--json").json["items"]] == ["a"]
    missed = mlops("runs", "show", "a")
    assert missed.code == 3
    assert " is deleted.\nHint: Bring it back: `mlops runs restore " in missed.err
    assert mlops("runs", "restore", "a").code == 0
    again = mlops("runs", "restore", "a")
    assert (
        again.code,
        again.err.endswith("is not deleted.\nHint: `mlops runs list --deleted` shows those that are.\n"),
    ) == (4, True)
    assert len(mlops("runs", "list", "--json").json["items"]) == 2


def test_a_log_is_followed_until_the_run_ends(mlops, here):
    run = here.tracking.create_run("logs", "talks", tags={}, params={})
    journal = here.journals.open(run.id, run.artifact_uri)
    journal.write("stdout", "one\n")
    tail = [sys.executable, "-c", "from jupyter_mlops.cli import main; main()", "runs", "logs", "-f", "talks"]
    with subprocess.Popen(tail, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "one\n"
        journal.write("stdout", "two\n")
        assert reader.stdout.readline() == "two\n"
        journal.write("stdout", "three")
        journal.close("FINISHED", "", time.time())
        assert reader.stdout.read() == "three"
        assert reader.wait(10) == 0
    assert mlops("runs", "logs", "talks").out == "one\ntwo\nthree\n"


def test_a_run_is_watched_until_it_ends_and_the_exit_code_tells_how(here):
    run = here.tracking.create_run("watch", "live", tags={}, params={})
    watch = [sys.executable, "-c", "from jupyter_mlops.cli import main; main()", "runs", "watch", "live"]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        assert "RUNNING" in watcher.stdout.readline()
        here.tracking.log(run.id, metrics=[MetricPoint(key="auc", value=0.75, step=0, at_ms=1)])
        assert "auc=0.75" in watcher.stdout.readline()
        here.tracking.end_run(run.id, "FAILED", reason="It was too hard.")
        assert "FAILED auc=0.75" in watcher.stdout.readline()
        assert "It was too hard." in watcher.stdout.read()
        assert watcher.wait(10) == 1


def test_what_a_run_took_of_its_machine_stands_apart_from_what_it_measured(mlops, here):
    run = here.tracking.create_run("machine", "busy", tags={}, params={})
    values = {
        "auc": 0.9,
        "system/process_cpu_utilization_percentage": 52.9,
        "system/process_memory_usage_megabytes": 466.0,
    }
    here.tracking.log(run.id, metrics=[MetricPoint(key=k, value=v, step=0, at_ms=1) for k, v in values.items()])
    assert "system/" not in mlops("runs", "list").out
    shown = mlops("runs", "show", "busy").out
    assert "52.9 % CPU, 466 MB of memory" in shown
    assert "system/" not in shown
    assert mlops("runs", "show", "busy", "--json").json["run"]["metrics"] == values
