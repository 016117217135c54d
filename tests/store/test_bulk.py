"""Points written in one statement: the rows are those that MLflow would have written."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

import pytest

from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.store import tracking as tracking_module
from jupyter_mlops.store.bulk import log_points


def rows(workspace, table, run_id):
    columns = "key, value, timestamp, step, is_nan"
    with closing(sqlite3.connect(workspace.root / "mlflow.db")) as connection:
        found = connection.execute(f"SELECT {columns} FROM {table} WHERE run_uuid = ?", (run_id,)).fetchall()
    return sorted(found)


def test_both_tables_are_as_log_batch_leaves_them(workspace, monkeypatch):
    rng = random.Random(1)
    values = [0.1, -0.0, 1e308, "NaN", "Infinity", "-Infinity", 3.0, 1 / 3]
    points = [
        MetricPoint(key=rng.choice("abc"), value=rng.choice(values), step=rng.randint(-2, 5), at_ms=rng.randint(0, 3))
        for _ in range(3000)
    ]
    tracking = workspace.tracking
    ours, theirs = (tracking.create_run("e", None, tags={}, params={}).id for _ in range(2))
    for start in range(0, 3000, 1300):
        assert log_points(workspace.root / "mlflow.db", ours, points[start : start + 1300])
        assert log_points(workspace.root / "mlflow.db", ours, points[start : start + 1300])  # twice changes nothing
    monkeypatch.setattr(tracking_module, "log_points", lambda *_: False)
    tracking.log(theirs, metrics=points)
    for table in ("metrics", "latest_metrics"):
        assert rows(workspace, table, ours) == rows(workspace, table, theirs)


def test_what_is_not_as_usual_is_left_to_mlflow(workspace):
    path = workspace.root / "mlflow.db"
    run = workspace.tracking.create_run("e", None, tags={}, params={})
    good = MetricPoint(key="m", value=1.0, step=0, at_ms=1)
    bad = MetricPoint(key="a//b", value=1.0, step=0, at_ms=1)
    assert not log_points(path, run.id, [good, bad])
    assert not log_points(path, "0" * 32, [good])
    assert not log_points(workspace.root / "missing.db", run.id, [good])
    with pytest.raises(BadInput):
        workspace.tracking.log(run.id, metrics=[good, bad])
    with pytest.raises(UnknownThing):
        workspace.tracking.log("0" * 32, metrics=[good])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'newer'")
        connection.commit()
    assert not log_points(path, run.id, [good])
    assert rows(workspace, "metrics", run.id) == []
