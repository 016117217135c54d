"""The table of runs: its rows, what it compares, and what a viewer without widgets gets."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from jupyter_mlops.cli.runlist import RunListing
from jupyter_mlops.cli.view import Listing
from jupyter_mlops.core.run import MetricPoint, Run
from jupyter_mlops.core.where import Field
from jupyter_mlops.training.runs import list_runs
from jupyter_mlops.widgets import runtable
from jupyter_mlops.widgets.runtable import MOST_COLUMNS, state_of, table_of

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def runs(workspace):
    tracking = workspace.tracking
    tracking.experiment("churn", create=True)
    for n, params in enumerate(({"C": "0.5", "model": "svm"}, {"C": "2", "model": "svm"}, {"C": "<b>"})):
        made = tracking.create_run("churn", f"r{n}", params=params, tags={}, parent=None)
        auc = MetricPoint(key="auc", value=0.9 + n / 100 if n < 2 else "NaN", step=0, at_ms=n)
        tracking.log(made.id, metrics=[auc, MetricPoint(key="system/cpu", value=1.0, step=0, at_ms=0)])
        tracking.end_run(made.id, "FINISHED")
    return list_runs(workspace)


def test_rows_have_what_is_shown_what_sorts_and_what_the_filter_finds(runs):
    state = state_of(runs)
    assert state["metrics"] == ["auc"]
    assert state["params"] == ["C", "model"]
    newest, middle, _ = state["rows"]
    assert newest["metrics"]["auc"] == [None, "NaN"]  # sorts last
    assert middle["metrics"]["auc"] == [0.91, "0.91"]
    for said in ("r1", "finished", "auc=0.91", "c=2", "model=svm"):
        assert said in middle["said"]
    json.dumps(state, allow_nan=False)


def test_columns_are_those_that_most_runs_have(runs):
    import msgspec

    many = msgspec.structs.replace(runs[0], params={f"p{n}": "1" for n in range(50)})
    assert len(state_of([many, *runs])["params"]) == MOST_COLUMNS
    assert state_of([many, *runs])["params"][0] == "C"


def test_what_was_asked_for_is_a_column_and_a_note_however_few_have_it(workspace, runs):
    import msgspec

    rare = msgspec.structs.replace(runs[0], tags={"team": "risk"}, params={f"p{n}": "1" for n in range(50)})
    fields = [Field(group="tags", key="team"), Field(group="metrics", key="f1"), Field(group="params", key="p40")]
    listing = RunListing([rare, *runs], empty="", fields=fields, note="4 of 90 runs; `--limit` shows more.")
    table = table_of(workspace, listing)
    assert (table.metrics, table.params[0], table.tags) == (["f1", "auc"], "p40", ["team"])
    assert [row["tags"] for row in table.rows] == [{"team": "risk"}, {}, {}, {}]
    assert "team=risk" in table.rows[0]["said"]
    assert table.note in table.bundle()["text/html"]


def test_selected_runs_are_compared_in_the_workspace(workspace, runs):
    table = table_of(workspace, Listing(runs, of=Run, empty=""))
    table._asked(table, {"compare": [runs[2].id, runs[1].id]}, [])
    shown = table.comparison
    assert shown["runs"] == ["r0", "r1"]
    tables = {one["title"]: one["rows"] for one in shown["tables"]}
    assert tables["Parameters that differ"] == [{"name": "C", "values": ["0.5", "2"]}]
    assert {"name": "auc", "values": ["0.9", "0.91"], "best": 1} in tables["Metrics"]
    table._asked(table, {"compare": [runs[2].id]}, [])
    assert "nothing to compare" in table.comparison["error"]


def test_a_viewer_without_widgets_gets_the_same_as_a_table(workspace, runs):
    bundle = table_of(workspace, Listing(runs, of=Run, empty="")).bundle()
    assert set(bundle) == {WIDGET, "text/html", "text/plain"}
    assert "<table" in bundle["text/html"]
    assert "&lt;b&gt;" not in bundle["text/plain"]
    assert "r1" in bundle["text/plain"]


def test_what_runs_in_the_browser_needs_no_network_and_takes_nothing_for_markup():
    source = Path(runtable.__file__).with_name("runtable.js").read_text("utf-8")
    assert not re.search(
        r"^\s*import\b|import\(|https?://|innerHTML|insertAdjacentHTML|outerHTML", source, re.MULTILINE
    )


def test_runs_in_a_notebook_is_the_table_and_a_list(kernel):
    kernel.hear("%%ml run -n one -p C=1\npass")
    for command in ("%ml runs", "%ml runs list"):
        [result] = kernel.run(command).results
        assert set(result) == {WIDGET, "text/html", "text/plain"}
        assert "one" in result["text/plain"]
    assert kernel.run("found = %ml runs\nfound[0].name").results == [{"text/plain": "'one'"}]


def test_a_watched_table_follows_runs_of_other_processes_while_the_kernel_is_busy(kernel, world):
    [result] = kernel.run("table = %ml runs watch --limit 3\ntable").results
    assert WIDGET in result
    assert "<table" in result["text/html"]
    made = world.tracking.create_run("Default", "elsewhere", params={}, tags={}, parent=None)
    reply = kernel.run(
        "import time\nuntil = time.time() + 15\n"
        "while 'elsewhere' not in [row['name'] for row in table.rows] and time.time() < until: time.sleep(0.1)\n"
        "[row['name'] for row in table.rows][0]"
    )
    world.tracking.end_run(made.id, "FINISHED")
    assert reply.results == [{"text/plain": "'elsewhere'"}]


def test_a_second_watch_ends_the_first_and_wrong_options_are_said(kernel):
    kernel.run("%ml runs watch")
    kernel.run("%ml runs watch -e Default")
    reply = kernel.run(
        "import time, threading; time.sleep(1.2)\nsum(t.name == 'mlops-watch' for t in threading.enumerate())"
    )
    assert reply.results == [{"text/plain": "1"}]
    assert "--limit" in kernel.run("%ml runs watch --limit 0").evalue
    assert "Example" in kernel.run("%ml runs watch --help").stdout
