"""A tracking store that nobody has used yet, made once in a process: MLflow takes over a second to make one."""

from __future__ import annotations

import functools
import logging
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.store.indexes import add_indexes

_LOCK: Final = threading.Lock()


def make_store(path: Path, artifact_root: str) -> None:
    """Make a store at ``path``, where nothing is. Raises ``OSError``, ``sqlite3.Error`` and as MLflow does."""
    from mlflow.utils.uri import append_to_uri_path

    path.write_bytes(blank_store())
    now_ms = time.time_ns() // 1_000_000
    with closing(sqlite3.connect(path)) as store, store:
        store.execute(
            "UPDATE experiments SET artifact_location = ?, creation_time = ?, last_update_time = ?",
            (append_to_uri_path(artifact_root, "0"), now_ms, now_ms),
        )


def blank_store() -> bytes:
    """Return the file of a store as MLflow makes it, with our indexes; its one experiment still needs a place."""
    with _LOCK:  # who comes while it is being made waits for it
        return _made()


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


@functools.cache
def _made() -> bytes:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with tempfile.TemporaryDirectory() as folder, quietly():
        path = Path(folder) / "blank.db"
        uri = f"sqlite:///{path}"
        try:
            SqlAlchemyStore(uri, folder)
        finally:
            engine: Any = SqlAlchemyStore._engine_map.pop(uri, None)  # noqa: SLF001  # it would keep the file open
            if engine is not None:
                engine.dispose()
        add_indexes(path)
        return path.read_bytes()
