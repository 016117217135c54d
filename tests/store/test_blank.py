"""A new tracking store is what MLflow itself would have made."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from mlflow import MlflowClient

from jupyter_mlops.store import blank


def tables_of(path) -> list[tuple[str, list[str]]]:
    """Names and definitions; alembic puts constraints in no particular order."""
    with closing(sqlite3.connect(path)) as store:
        found = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'mlops\\_%' ESCAPE '\\' ORDER BY name"
        rows = [*store.execute(found), *store.execute("SELECT version_num, '' FROM alembic_version")]
    return [(name, sorted((sql or "").replace(",", " ").split())) for name, sql in rows]


def test_it_has_mlflows_tables_and_its_first_experiment_in_the_right_place(tmp_path):
    blank.make_store(tmp_path / "ours.db", "file:///some/where")
    theirs = MlflowClient(f"sqlite:///{tmp_path / 'theirs.db'}")
    assert theirs.get_experiment("0").name == "Default"
    assert tables_of(tmp_path / "ours.db") == tables_of(tmp_path / "theirs.db")
    ours = MlflowClient(f"sqlite:///{tmp_path / 'ours.db'}")
    first, their_first = ours.get_experiment("0"), theirs.get_experiment("0")
    assert (first.name, first.artifact_location) == ("Default", "file:///some/where/0")
    assert abs(first.creation_time - their_first.creation_time) < 60_000
    assert ours.get_run(ours.create_run("0").info.run_id).info.artifact_uri.startswith("file:///some/where/0/")


def test_it_is_made_from_the_script_where_that_is_of_mlflows_revision_else_by_mlflow(tmp_path, monkeypatch, capfd):
    made, make = [], blank.make_with_mlflow
    monkeypatch.setattr(blank, "make_with_mlflow", lambda path: made.append(path) or make(path))
    blank.make_store(tmp_path / "known.db", "file:///some/where")
    assert made == []
    other = tmp_path / "blank.sql"
    head, _, script = blank.SCRIPT.read_text().partition("\n")
    other.write_text(f"{head}0\n{script}")
    monkeypatch.setattr(blank, "SCRIPT", other)
    blank.make_store(tmp_path / "unknown.db", "file:///some/where")
    assert made == [tmp_path / "unknown.db"]
    assert tables_of(tmp_path / "unknown.db") == tables_of(tmp_path / "known.db")
    first = MlflowClient(f"sqlite:///{tmp_path / 'unknown.db'}").get_experiment("0")
    assert first.artifact_location == "file:///some/where/0"
    assert capfd.readouterr() == ("", "")
