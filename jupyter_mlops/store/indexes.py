"""Indexes of ours beside MLflow's tables in a SQLite store; MLflow's own tables and indexes stay as they are.

Without them a page ordered by a metric takes time in proportion to all runs. SQLite keeps them up to date, whoever
writes, and MLflow's migrations carry them along as they do their own.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

from jupyter_mlops.store.databases import BUSY_TIMEOUT_S
from jupyter_mlops.store.reading import KNOWN_REVISIONS, Rows

OF_PARENTS: Final = "mlops_tags_parent"
INDEXES: Final = {
    "mlops_latest_metrics_value": "latest_metrics (key, is_nan, value, run_uuid)",
    "mlops_runs_newest": "runs (lifecycle_stage, start_time, run_uuid, experiment_id)",
    OF_PARENTS: "tags (value, run_uuid) WHERE key = 'mlflow.parentRunId'",
}
MOST_ROWS: Final = 3_000_000
"""Values in a store above which they are not made: writers would wait for seconds, and MLflow gives up after five."""
_NAMES: Final = "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'mlops\\_%' ESCAPE '\\'"
_lock = threading.Lock()
_working: set[Path] = set()
log = logging.getLogger(__name__)


def are_missing(rows: Rows) -> bool:
    """Tell whether a SQLite store lacks one of them."""
    return {name for (name,) in rows(_NAMES)} != set(INDEXES)


def parent_tags(rows: Rows, name: str = "tags") -> str:
    """Return what to read parents from, under that name. SQLite takes our index only where it is told to."""
    own = rows.sqlite and rows(f"SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = '{OF_PARENTS}'")  # noqa: S608  # ours
    return f"tags {name} INDEXED BY {OF_PARENTS}" if own else f"tags {name}"


def lacks_indexes(path: Path) -> bool:
    """Tell whether a SQLite file lacks one of them."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return {name for (name,) in connection.execute(_NAMES)} != set(INDEXES)


def add_indexes(path: Path) -> bool:
    """Make what is missing; return whether the store has them now. A store that is too large or unknown is let be."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            n_rows = connection.execute("SELECT MAX(rowid) FROM latest_metrics").fetchone()[0] or 0
            if revision is None or revision[0] not in KNOWN_REVISIONS or n_rows > MOST_ROWS:
                return False
            for name, columns in INDEXES.items():
                connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {columns}")
    except sqlite3.Error as error:  # a full disk, a read-only folder: pages come, only slower
        log.debug("no indexes on %s: %s", path, error)
        return False
    return True


def add_indexes_later(path: Path) -> threading.Thread | None:
    """Make what is missing in a thread that nobody waits for, once for each file and process."""
    with _lock:
        if path in _working:
            return None
        _working.add(path)
    thread = threading.Thread(target=add_indexes, args=(path,), name="mlops-indexes")
    thread.start()
    return thread


def drop_indexes(connection: sqlite3.Connection) -> None:
    """Remove them, so that a migration meets the tables as MLflow made them."""
    for name in INDEXES:
        connection.execute(f"DROP INDEX IF EXISTS {name}")
