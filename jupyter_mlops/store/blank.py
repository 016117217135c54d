"""Making a tracking store: MLflow takes over a second for its sixty migrations, and their outcome is always the same.

``blank.sql`` has that outcome, for one revision of the schema, with our indexes. A test compares it with what MLflow makes;
``python -m jupyter_mlops.store.blank`` writes it anew. A store of any other revision is made by MLflow.
"""

from __future__ import annotations

import logging
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.store.importing import import_mlflow
from jupyter_mlops.store.indexes import add_indexes

SCRIPT: Final = Path(__file__).with_name("blank.sql")
_HEAD: Final = "-- MLflow's tables and our indexes. Revision: "


def make_store(path: Path, artifact_root: str) -> None:
    """Make a store at ``path``, where nothing is. Raises ``OSError``, ``sqlite3.Error`` and as MLflow does."""
    import_mlflow()
    from mlflow.store.db import utils
    from mlflow.utils.uri import append_to_uri_path

    head, _, script = SCRIPT.read_text().partition("\n")
    known = head == f"{_HEAD}{utils._get_latest_schema_revision()}"  # noqa: SLF001  # what MLflow would migrate to
    if not known:
        make_with_mlflow(path)
    now_ms = time.time_ns() // 1_000_000
    with closing(sqlite3.connect(path)) as store, store:
        if known:
            store.executescript(script)
        store.execute(
            "UPDATE experiments SET artifact_location = ?, creation_time = ?, last_update_time = ?",
            (append_to_uri_path(artifact_root, "0"), now_ms, now_ms),
        )


def make_with_mlflow(path: Path) -> None:
    """Have MLflow make a store, whose one experiment still needs a place."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    uri = f"sqlite:///{path}"
    try:
        with quietly():
            SqlAlchemyStore(uri, "/")
    finally:
        engine: Any = SqlAlchemyStore._engine_map.pop(uri, None)  # noqa: SLF001  # it would keep the file open
        if engine is not None:
            engine.dispose()
    add_indexes(path)


@contextmanager
def quietly() -> Iterator[None]:
    """Keep to themselves what MLflow and alembic tell of making and changing tables."""
    quiet = [logging.getLogger(name) for name in ("mlflow.store.db.utils", "alembic")]
    levels = [logger.level for logger in quiet]
    for logger in quiet:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(quiet, levels, strict=True):
            logger.setLevel(level)


def _write_script() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blank.db"
        make_with_mlflow(path)
        with closing(sqlite3.connect(path)) as store, store:
            store.execute("UPDATE experiments SET artifact_location = '', creation_time = 0, last_update_time = 0")
            revision = store.execute("SELECT version_num FROM alembic_version").fetchone()[0]
            SCRIPT.write_text("\n".join([f"{_HEAD}{revision}", *store.iterdump(), ""]))


if __name__ == "__main__":
    _write_script()
