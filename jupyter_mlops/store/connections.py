"""Connections to SQLite files that are kept between uses: opening one costs more than most of what it is asked."""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_MOST: Final = 6
"""Idle ones, of all files together."""
_Place = tuple[Path, int, int]


class Connections:
    """Connections that one function opens. Safe to use from several threads; a forked child opens its own."""

    def __init__(self, open_file: Callable[[Path], sqlite3.Connection]) -> None:
        self._open = open_file
        self._left: list[sqlite3.Connection] = []
        self._begin_anew()
        _ALL.add(self)

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._idle: deque[tuple[_Place, sqlite3.Connection]] = deque()

    @contextmanager
    def to(self, path: Path) -> Iterator[sqlite3.Connection]:
        """Yield a connection that nobody else uses. What it has not committed at the end is undone.

        Raises ``sqlite3.Error``.
        """
        place = _place(path)
        connection = self._take(place) or self._open(path)
        try:
            yield connection
            if connection.in_transaction:
                connection.rollback()
        except BaseException:
            connection.close()
            raise
        self._keep(place, connection)

    def forget(self, path: Path) -> None:
        """Close the idle connections to a file."""
        with self._lock:
            gone = [one for one in self._idle if one[0][0] == path]
            self._idle = deque(one for one in self._idle if one[0][0] != path)
        for _, connection in gone:
            connection.close()

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            gone, self._idle = self._idle, deque()
        for _, connection in gone:
            connection.close()

    def _take(self, place: _Place | None) -> sqlite3.Connection | None:
        with self._lock:
            for one in self._idle:
                if one[0] == place:
                    self._idle.remove(one)
                    return one[1]
        return None

    def _keep(self, place: _Place | None, connection: sqlite3.Connection) -> None:
        gone = [connection]
        if place is not None:
            with self._lock:
                self._idle.appendleft((place, connection))
                gone = [self._idle.pop()[1]] if len(self._idle) > _MOST else []
        for one in gone:
            one.close()

    def after_fork(self) -> None:
        """Leave the connections to the parent: SQLite must not even close them in a child."""
        self._left += [connection for _, connection in self._idle]
        self._begin_anew()


def _place(path: Path) -> _Place | None:
    """Return what tells a file from another that took its place; ``None`` where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return path, found.st_dev, found.st_ino


_ALL: Final[weakref.WeakSet[Connections]] = weakref.WeakSet()


def _leave_connections() -> None:
    for connections in list(_ALL):
        connections.after_fork()


def _close_connections() -> None:
    for connections in list(_ALL):
        connections.close()


os.register_at_fork(after_in_child=_leave_connections)
atexit.register(_close_connections)
