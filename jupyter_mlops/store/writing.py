"""Writing to MLflow's own SQLite tables, where their schema is one that we know; all else is left to MLflow's client."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.store.connections import Connections
from jupyter_mlops.store.databases import BUSY_TIMEOUT_S, translate
from jupyter_mlops.store.reading import KNOWN_REVISIONS


def _open_file(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)


WRITERS: Final = Connections(_open_file)


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Yield a connection in one transaction, which an error undoes; ``None`` where MLflow has to be asked.

    Raises ``Unavailable`` where the file cannot be written.
    """
    if not path.exists():
        yield None
        return
    try:
        with WRITERS.to(path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if not _is_known(connection):
                yield None
                return
            yield connection
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise translate(error, f"The tracking store {path}") from error


def _is_known(connection: sqlite3.Connection) -> bool:
    try:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return False  # a file that MLflow has not filled yet
    return found is not None and found[0] in KNOWN_REVISIONS


def is_active(connection: sqlite3.Connection, run_id: RunId) -> bool:
    """Tell whether a run is there and not in the trash. MLflow says what is wrong with any other."""
    found = connection.execute("SELECT lifecycle_stage FROM runs WHERE run_uuid = ?", (run_id,)).fetchone()
    return found is not None and found[0] == "active"
