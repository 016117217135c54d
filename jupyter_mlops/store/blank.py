"""A tracking store that nobody has used yet: MLflow takes over a second to make one, so it is kept and copied.

``python -m jupyter_mlops.store.blank`` makes it and keeps it in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.files import replace_file
from jupyter_mlops.store.indexes import INDEXES, add_indexes

_DIGEST_BYTES: Final = 32
_PATIENCE_S: Final = 60.0


class _Blank:
    """The store, and where it comes from. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._data = b""
        self._maker: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """See to it that there soon is one. Returns at once.

        It is made in another process: alembic keeps what it works on in global variables, so that a second store, which
        the user's code makes meanwhile, would get half of this one's tables.
        """
        with self._lock:
            if self._data or self._maker is not None or (kept := _kept()) is None or _read(kept):
                return
            with suppress(OSError):
                self._maker = subprocess.Popen(
                    [sys.executable, "-P", "-m", "jupyter_mlops.store.blank"],  # -P: a user's folder may hold anything
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )

    def get(self) -> bytes:
        """Return the store's file; waits for one that is being prepared."""
        with self._lock:
            if self._maker is not None:
                with suppress(subprocess.TimeoutExpired):
                    self._maker.wait(_PATIENCE_S)
                    self._maker = None
            if not self._data:
                kept = _kept()
                self._data = _read(kept) or _make()
                if not _read(kept):
                    _keep(kept, self._data)
            return self._data


_BLANK: Final = _Blank()


def prepare() -> None:
    """See to it that there soon is one to copy, made in another process. Returns at once."""
    _BLANK.prepare()


def make_store(path: Path, artifact_root: str) -> None:
    """Make a store at ``path``, where nothing is. Raises ``OSError``, ``sqlite3.Error`` and as MLflow does."""
    from mlflow.utils.uri import append_to_uri_path

    path.write_bytes(_BLANK.get())
    now_ms = time.time_ns() // 1_000_000
    with closing(sqlite3.connect(path)) as store, store:
        store.execute(
            "UPDATE experiments SET artifact_location = ?, creation_time = ?, last_update_time = ?",
            (append_to_uri_path(artifact_root, "0"), now_ms, now_ms),
        )


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


def _make() -> bytes:
    """Return the file of a store as MLflow makes it, with our indexes; its one experiment still needs a place."""
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


def _kept() -> Path | None:
    """Return where the store is kept between processes: for each MLflow another; ``None`` where there is no home."""
    folder = os.environ.get("XDG_CACHE_HOME")
    with suppress(RuntimeError):
        cache = Path(folder) if folder else Path.home() / ".cache"
        which = hashlib.blake2b(repr((version("mlflow"), INDEXES)).encode(), digest_size=8).hexdigest()
        return cache / "jupyter-mlops" / f"{which}.blank"
    return None


def _read(path: Path | None) -> bytes:
    """Return the store that is kept; nothing where there is none, or where it is damaged."""
    try:
        found = b"" if path is None else path.read_bytes()
    except OSError:
        return b""
    digest, data = found[:_DIGEST_BYTES], found[_DIGEST_BYTES:]
    return data if digest == _digest(data) else b""


def _keep(path: Path | None, data: bytes) -> None:
    if path is not None:
        with suppress(OSError):  # a full disk, a home that is read-only: it is made each time
            replace_file(path, _digest(data) + data)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


if __name__ == "__main__":
    _BLANK.get()
