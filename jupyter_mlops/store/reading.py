"""Read-only SQL on MLflow's own tables, where their schema is one that we know.

``import mlflow`` costs a second and a half and its searches as much again; the same answers are some milliseconds of
SQL. What we do not know (servers, other databases, other schema revisions) is left to MLflow's client.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from jupyter_mlops.core.where import like, number_of
from jupyter_mlops.store.connections import Connections
from jupyter_mlops.store.databases import BUSY_TIMEOUT_S, connect_engine, translate

KNOWN_REVISIONS: Final = frozenset({"dc11669786a5"})
"""Schema revisions (``alembic_version``) whose tables were read and compared with MLflow's own answers: 3.17's."""
_REVISION: Final = "SELECT version_num FROM alembic_version"


class Rows:
    """What one transaction sees: call it with SQL and named parameters."""

    def __init__(self, execute: Callable[[str, Mapping[str, Any]], list[tuple[Any, ...]]], *, sqlite: bool) -> None:
        self._execute = execute
        self.sqlite = sqlite

    def __call__(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return all rows."""
        return self._execute(sql, values or {})


class SqlReader:
    """Opens one read-only transaction for each page, and ends it with the page. Safe to use from several threads."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.path = Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None
        """The file of a SQLite store."""

    @property
    def is_database(self) -> bool:
        """Whether the store can be read at all without MLflow."""
        return self.path is not None or self.uri.startswith(("postgresql:", "postgresql+", "postgres:"))

    @property
    def is_empty(self) -> bool:
        """Whether the store is a file that nobody has made yet."""
        return self.path is not None and not self.path.exists()

    @contextmanager
    def open(self) -> Iterator[Rows | None]:
        """Yield what reads the tables, ``None`` where MLflow has to be asked. Raises ``Unavailable``."""
        what = "The tracking store"
        try:
            if self.is_empty:
                yield None
            elif self.path is not None:
                with READERS.to(self.path) as connection:
                    yield _rows_of_file(connection)
            elif self.is_database:
                with self._engine.connect() as found:
                    yield _rows_of_server(found)
            else:
                yield None
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise translate(error, f"{what} {self.path}" if self.path else what) from error

    @functools.cached_property
    def _engine(self) -> sa.Engine:
        return connect_engine(self.uri)

    def close(self) -> None:
        """Close pooled connections; a later page opens new ones."""
        if self.path is not None:
            READERS.forget(self.path)
        if "_engine" in self.__dict__:
            self._engine.dispose()


def _open_file(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S, check_same_thread=False
    )
    connection.create_function("mlops_number", 1, number_of, deterministic=True)
    connection.create_function("mlops_like", 2, like, deterministic=True)
    connection.create_function("mlops_ilike", 2, functools.partial(like, fold=True), deterministic=True)
    return connection


READERS: Final = Connections(_open_file)


def _rows_of_file(connection: sqlite3.Connection) -> Rows | None:
    try:
        connection.execute("BEGIN")
        revision = connection.execute(_REVISION).fetchone()
    except sqlite3.DatabaseError:
        return None  # nothing that MLflow has made, or nothing that it can open: it says so better
    if revision is None or revision[0] not in KNOWN_REVISIONS:
        return None
    return Rows(lambda sql, values: connection.execute(sql, values).fetchall(), sqlite=True)


def _rows_of_server(connection: sa.Connection) -> Rows | None:
    connection.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
    try:
        revision = connection.execute(sa.text(_REVISION)).scalar()
    except sa.exc.ProgrammingError:  # no such table: nothing that MLflow has made
        return None
    if revision not in KNOWN_REVISIONS:
        return None

    def execute(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.execute(sa.text(sql), values)]

    return Rows(execute, sqlite=False)
