"""Runs begun and ended in one transaction: the rows are those that MLflow would have written."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.store import tracking as tracking_module
from jupyter_mlops.store.making import finish_run, make_run

TAGS = {"mlflow.user": "me", "mlops.node": "here", "note/é": "ü"}


def rows(workspace, run):
    """All that the tables hold of a run, less its id and the times."""
    found = []
    with closing(sqlite3.connect(workspace.root / "mlflow.db")) as connection:
        connection.row_factory = sqlite3.Row
        for table in ("runs", "tags", "params"):
            for row in connection.execute(f"SELECT * FROM {table} WHERE run_uuid = ?", (run.id,)):
                kept = {key: str(row[key]).replace(run.id, "ID") for key in row.keys()}  # noqa: SIM118  # not a mapping
                assert kept.pop("start_time", "1").isdecimal()
                kept["end_time"] = str(bool(row["end_time"])) if table == "runs" else ""
                found.append(sorted(kept.items()))
    return sorted(found)


def test_a_run_is_as_mlflow_would_have_made_and_ended_it(workspace, monkeypatch):
    tracking = workspace.tracking
    ours = tracking.create_run("e", "one", tags=TAGS, params={"C": "0.5"})
    assert tracking.run(ours.id) == ours
    tracking.end_run(ours.id, "FAILED", reason="why", ended_at=12.5)
    monkeypatch.setattr(tracking_module, "make_run", lambda *_: None)
    monkeypatch.setattr(tracking_module, "finish_run", lambda *_: False)
    theirs = tracking.create_run("e", "one", tags=TAGS, params={"C": "0.5"})
    tracking.end_run(theirs.id, "FAILED", reason="why", ended_at=12.5)
    assert rows(workspace, ours) == rows(workspace, theirs)


def test_plain_mlflow_goes_on_with_it(workspace):
    run = workspace.tracking.create_run("e", None, tags={}, params={})
    client = workspace.tracking.client
    client.log_param(run.id, "later", "1")
    client.log_text(run.id, "text", "note.txt")
    found = client.get_run(run.id)
    assert (found.info.run_name, found.info.status, found.data.params) == (run.name, "RUNNING", {"later": "1"})
    assert [one.path for one in workspace.tracking.artifacts(run.id)] == ["note.txt"]


@pytest.mark.parametrize(
    ("tags", "params"),
    [({"mlflow.runName": "x"}, {}), ({"k" * 251: "x"}, {}), ({"a//b": "x"}, {}), ({}, {"p": "v" * 6001})],
)
def test_what_is_not_as_usual_is_left_to_mlflow(workspace, tags, params):
    workspace.tracking.experiment("e", create=True)
    assert make_run(workspace.root / "mlflow.db", "e", None, tags, params) is None
    assert workspace.tracking.runs() == []


def test_a_run_that_is_gone_or_in_the_trash_is_not_ended(workspace):
    run = workspace.tracking.create_run("e", None, tags={}, params={})
    workspace.tracking.client.delete_run(run.id)
    for run_id in (run.id, "0" * 32):
        assert not finish_run(workspace.root / "mlflow.db", run_id, "FINISHED", "", 1)
        with pytest.raises(MlopsError):
            workspace.tracking.end_run(run_id, "FINISHED")


def test_tags_and_parameters_are_as_mlflow_would_have_logged_them(workspace, monkeypatch):
    tracking = workspace.tracking
    given = {"params": {"C": "0.5", "new": "x"}, "tags": {"mlflow.user": "you", "team": "risk"}}
    ours, theirs = (tracking.create_run("e", "one", tags=TAGS, params={"C": "0.5"}) for _ in range(2))
    tracking.log(ours.id, **given)
    monkeypatch.setattr(tracking_module, "log_facts", lambda *_: False)
    tracking.log(theirs.id, **given)
    assert rows(workspace, ours) == rows(workspace, theirs)


def test_a_parameter_that_has_another_value_is_refused_and_nothing_is_written(workspace):
    run = workspace.tracking.create_run("e", "one", tags={}, params={"C": "0.5"})
    with pytest.raises(MlopsError, match="MLflow refused it"):
        workspace.tracking.log(run.id, params={"C": "0.6"}, tags={"team": "risk"})
    found = workspace.tracking.run(run.id)
    assert found.params == {"C": "0.5"}
    assert "team" not in found.tags
    workspace.tracking.delete_run(run.id)
    with pytest.raises(MlopsError, match="is deleted"):
        workspace.tracking.log(run.id, tags={"team": "risk"})


def test_a_run_is_made_read_and_ended_without_mlflow(workspace):
    code = (
        "import sys\nfrom pathlib import Path\nfrom jupyter_mlops.workspace import Workspace\n"
        "tracking = Workspace.open(Path(sys.argv[1])).tracking\n"
        "run = tracking.create_run('Default', None, tags={'a': 'b'}, params={'C': '1'})\n"
        "tracking.log(run.id, params={'D': '2'}, tags={'c': 'd'})\n"
        "tracking.write(run.id, b'text', 'logs/stdout.txt')\n"
        "assert tracking.read(run.id, 'logs/stdout.txt', 2) == b'xt'\n"
        "assert [one.path for one in tracking.artifacts(run.id, 'logs')] == ['logs/stdout.txt']\n"
        "tracking.end_run(run.id, 'FINISHED')\n"
        "assert tracking.run(run.name).params == {'C': '1', 'D': '2'}\n"
        "print(sorted({'mlflow', 'pandas', 'requests', 'alembic'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", code, str(workspace.home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
