"""Our indexes in mlflow.db: there from the start, made where they are missing, and in nobody's way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from jupyter_mlops.core.search import RUNS, RunQuery, read_order
from jupyter_mlops.store import indexes, search
from jupyter_mlops.store.indexes import INDEXES, MOST_ROWS, add_indexes, drop_indexes, lacks_indexes
from jupyter_mlops.store.reading import KNOWN_REVISIONS


@pytest.fixture
def database(workspace) -> Path:
    return workspace.root / "mlflow.db"


def _names(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'mlops%'")}


def _without(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        drop_indexes(connection)


def test_a_new_store_has_them_and_plain_mlflow_writes_as_usual(database):
    assert _names(database) == set(INDEXES)
    client = MlflowClient(f"sqlite:///{database}")
    run = client.create_run("0")
    client.log_batch(run.info.run_id, [Metric("loss", 1 / (i + 1), i, i) for i in range(100)])
    client.set_terminated(run.info.run_id)
    assert client.get_run(run.info.run_id).data.metrics == {"loss": 0.01}
    client.delete_run(run.info.run_id)


def test_mlflows_own_upgrade_finds_nothing_to_do_and_leaves_them(database):
    from mlflow.store.db import utils

    engine = utils.create_sqlalchemy_engine(f"sqlite:///{database}")
    utils._upgrade_db(engine)
    utils._verify_schema(engine)
    engine.dispose()
    assert _names(database) == set(INDEXES)


@pytest.mark.filterwarnings("ignore:Unnamed CHECK constraint")  # MLflow names each in its own migrations
def test_a_migration_that_rebuilds_the_tables_works_with_them_there(database):
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from mlflow.store.db import utils

    engine = utils.create_sqlalchemy_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        for table in ("runs", "latest_metrics"):
            with Operations(MigrationContext.configure(connection)).batch_alter_table(table, recreate="always"):
                pass
    engine.dispose()
    assert _names(database) == set(INDEXES)
    assert MlflowClient(f"sqlite:///{database}").search_runs(["0"]) == []


def test_the_revision_of_the_mlflow_that_is_installed_is_known():
    from mlflow.store.db import utils

    assert utils._get_latest_schema_revision() in KNOWN_REVISIONS


def test_a_slow_page_has_them_made_without_waiting(workspace, database, monkeypatch):
    _without(database)
    begun = []
    monkeypatch.setattr(search, "SLOW_S", 0)
    later = indexes.add_indexes_later
    monkeypatch.setattr(indexes, "add_indexes_later", lambda path: begun.append(later(path)))
    workspace.tracking.page(RunQuery(order=read_order("started")))
    begun[0].join()
    assert not lacks_indexes(database)


def test_a_store_that_is_unknown_too_large_or_broken_is_let_be(database, tmp_path):
    _without(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'fffffffffff0'")
        connection.commit()
    assert not add_indexes(database)
    assert _names(database) == set()
    (tmp_path / "broken.db").write_bytes(b"no database" * 500)
    assert not add_indexes(tmp_path / "broken.db")
    assert MOST_ROWS > 1_000_000  # a hundred thousand runs with ten metrics


def test_pages_come_by_the_index(workspace):
    from jupyter_mlops.store import pages

    plans: list[str] = []
    with workspace.tracking.reader.open() as rows:
        execute = rows._execute

        def explain(sql, values):
            plans.extend(row[3] for row in execute(f"EXPLAIN QUERY PLAN {sql}", values))
            return execute(sql, values)

        rows._execute = explain
        pages.read_page(rows, RunQuery(order=read_order("metrics.auc")), {0: "Default"})
        pages.read_page(rows, RunQuery(), {0: "Default"})
        recent = RunQuery(where=RUNS.parse("started > -7d and metrics.auc > 0.9"), order=read_order("metrics.auc"))
        pages.read_page(rows, recent, {0: "Default"})
        pages.count_matching(rows, RunQuery(where=RUNS.parse("metrics.auc > 0.9")), {0: "Default"})
        pages.root_state(rows)
    for name in INDEXES:
        assert any(name in plan for plan in plans)
    assert any("mlops_runs_newest (lifecycle_stage=? AND start_time>?)" in plan for plan in plans)
    assert any("mlops_latest_metrics_value (key=? AND is_nan=? AND value>?)" in plan for plan in plans)
