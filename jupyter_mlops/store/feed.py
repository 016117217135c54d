"""The change feed: what other processes changed in the catalog and in MLflow's store."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Final

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.record import Record, encode
from jupyter_mlops.ports import Catalog, Tracking

REMOTE_TRACKING_S: Final = 5.0
REMOTE_CATALOG_S: Final = 0.5


class Change(Record, frozen=True, kw_only=True):
    """A hint that something changed. An empty name: something of that kind."""

    seq: int
    kind: str
    name: str = ""
    verb: str = "update"


class ChangeFeed:
    """Tells, at each ``poll``, what changed since the last one. Cheap enough for five polls a second.

    SQLite's ``data_version`` sees the commits of every other connection, plain MLflow's included. Remote
    stores are asked every few seconds. Not for use from two threads at once.
    """

    def __init__(
        self, catalog: Catalog, tracking: Tracking, *, catalog_file: Path | None, tracking_file: Path | None
    ) -> None:
        self._catalog = catalog
        self._tracking = tracking
        self._catalog_watch = _Watch(catalog_file) if catalog_file else None
        self._tracking_watch = _Watch(tracking_file) if tracking_file else None
        self._seq = catalog.last_seq()
        self._asked_catalog = self._asked_tracking = 0.0
        self._runs = b""

    @property
    def seq(self) -> int:
        """The newest event's number that was seen."""
        return self._seq

    def poll(self) -> list[Change]:
        """Return what changed since the last call, oldest first."""
        changes: list[Change] = []
        if self._catalog_moved():
            for event in self._catalog.events(self._seq):
                self._seq = event.seq
                changes.append(Change(seq=event.seq, kind=event.kind, name=event.name, verb=event.verb))
        if self._tracking_moved():
            changes.append(Change(seq=self._seq, kind="run"))
        return changes

    def close(self) -> None:
        """Close the connections."""
        for watch in (self._catalog_watch, self._tracking_watch):
            if watch is not None:
                watch.close()

    def _catalog_moved(self) -> bool:
        if self._catalog_watch is not None:
            return self._catalog_watch.moved()
        if time.monotonic() - self._asked_catalog < REMOTE_CATALOG_S:
            return False
        self._asked_catalog = time.monotonic()
        return True

    def _tracking_moved(self) -> bool:
        if self._tracking_watch is not None:
            return self._tracking_watch.moved()
        if time.monotonic() - self._asked_tracking < REMOTE_TRACKING_S:
            return False
        self._asked_tracking = time.monotonic()
        try:
            runs = encode(self._tracking.runs(limit=50))
        except MlopsError:
            return False  # it will have changed when it answers again
        moved, self._runs = bool(self._runs) and runs != self._runs, runs
        return moved


class _Watch:
    """One persistent connection to one SQLite file, which may not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._version = -1
        self.moved()

    def moved(self) -> bool:
        """Tell whether another connection committed since the last call."""
        try:
            if self._connection is None:
                if not self._path.exists():
                    return False
                # The polls may come from several threads, never two at once.
                self._connection = sqlite3.connect(self._path, timeout=1, check_same_thread=False)
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            return False  # locked or being made: the next poll sees it
        moved, self._version = bool(version != self._version), version
        return moved

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
