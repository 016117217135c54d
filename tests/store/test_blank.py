"""A new tracking store is what MLflow itself would have made."""

from __future__ import annotations

import sqlite3
import sys
import threading
from contextlib import closing

import pytest
from mlflow import MlflowClient

from jupyter_mlops.store import blank


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A user who has never used any of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(blank, "_BLANK", blank._Blank())
    return tmp_path / "cache" / "jupyter-mlops"


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


def test_two_threads_that_need_one_make_it_once_and_tell_nobody(monkeypatch, capfd):
    made, make = [], blank._make
    monkeypatch.setattr(blank, "_make", lambda: made.append(make()) or made[-1])
    threads = [threading.Thread(target=blank._BLANK.get) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert capfd.readouterr() == ("", "")


def test_one_is_prepared_in_another_process_and_then_kept_for_all(cache, monkeypatch):
    monkeypatch.setattr(blank, "_make", None)
    first, second = blank._Blank(), blank._Blank()
    first.prepare()
    found = first.get()
    assert found.startswith(b"SQLite format 3")
    second.prepare()
    assert second._maker is None  # there is one
    assert second.get() == found
    assert [path.stat().st_mode & 0o777 for path in cache.iterdir()] == [0o600]


def test_one_that_was_damaged_or_cannot_be_kept_or_prepared_is_made(cache, monkeypatch):
    monkeypatch.setattr(blank, "_make", lambda: b"made")
    assert blank._Blank().get() == b"made"
    [kept] = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    assert blank._Blank().get() == b"made"
    assert kept.read_bytes().endswith(b"made")
    kept.unlink()
    cache.rmdir()
    cache.write_text("in the way")
    assert blank._Blank().get() == b"made"
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    unprepared = blank._Blank()
    unprepared.prepare()
    assert unprepared.get() == b"made"
