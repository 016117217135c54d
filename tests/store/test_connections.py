"""Connections to SQLite files that are kept between uses."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from jupyter_mlops.store.connections import Connections


@pytest.fixture
def opened() -> list[Path]:
    return []


@pytest.fixture
def connections(opened):
    def open_file(path: Path) -> sqlite3.Connection:
        opened.append(path)
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    kept = Connections(open_file)
    yield kept
    kept.close()


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "a.db"
    make(path, 1)
    return path


def make(path: Path, value: int) -> None:
    store = sqlite3.connect(path, isolation_level=None)
    store.execute("CREATE TABLE t (value)")
    store.execute("INSERT INTO t VALUES (?)", (value,))
    store.close()


def values(connections: Connections, path: Path) -> list[int]:
    with connections.to(path) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM t")]


def test_one_is_opened_for_many_uses_and_one_for_each_at_a_time(connections, opened, file):
    assert [values(connections, file) for _ in range(3)] == [[1]] * 3
    assert len(opened) == 1
    with connections.to(file) as one, connections.to(file) as other:
        assert one is not other
    assert len(opened) == 2


def test_what_was_not_committed_is_undone(connections, opened, file):
    with connections.to(file) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (2)")
    assert values(connections, file) == [1]
    assert len(opened) == 1


def test_one_that_met_an_error_is_not_used_again(connections, opened, file):
    with pytest.raises(sqlite3.OperationalError), connections.to(file) as connection:
        connection.execute("SELECT * FROM missing")
    assert values(connections, file) == [1]
    assert len(opened) == 2


def test_a_file_that_took_the_place_of_another_is_opened(connections, file, tmp_path):
    assert values(connections, file) == [1]
    make(tmp_path / "other.db", 2)
    (tmp_path / "other.db").replace(file)
    assert values(connections, file) == [2]


def test_few_are_kept_idle_and_none_of_a_file_that_is_forgotten(connections, tmp_path):
    for number in range(20):
        make(tmp_path / f"{number}.db", number)
        assert values(connections, tmp_path / f"{number}.db") == [number]
    assert n_open(tmp_path) <= 6
    for number in range(20):
        connections.forget(tmp_path / f"{number}.db")
    assert n_open(tmp_path) == 0


def n_open(folder: Path) -> int:
    """How many open files this process has below a folder."""
    return sum(str(folder) in str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink())


def test_a_forked_child_opens_its_own_and_closes_none_of_its_parents(connections, opened, file):
    assert values(connections, file) == [1]
    child = os.fork()
    if child == 0:
        fine = values(connections, file) == [1] and len(opened) == 2
        connections.close()
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert values(connections, file) == [1]
    assert len(opened) == 1
