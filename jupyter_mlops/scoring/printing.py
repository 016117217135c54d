"""Printing: what a model or a script prints and logs becomes lines of the replica's log, with the request's id."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, TextIO

from jupyter_mlops.core.service import LogLevel
from jupyter_mlops.scoring.collect import request_id

LONGEST: Final = 16_000
"""Characters of a line; what is printed without an end is cut into lines of these."""
Tell = Callable[..., None]
"""Takes a message, its level, and members of the line."""


class _Stream(io.TextIOBase):
    """Stands for ``sys.stdout`` or ``sys.stderr``."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, real: TextIO, name: str, level: LogLevel, tell: Tell) -> None:
        self._real = real
        self._name = name
        self._level = level
        self._tell = tell
        self._begun = threading.local()  # the beginnings of lines; those of two threads do not mix

    def write(self, text: str) -> int:
        """Take text; whole lines of it go to the log."""
        *lines, rest = (getattr(self._begun, "text", "") + text).split("\n")
        while len(rest) > LONGEST:
            lines.append(rest[:LONGEST])
            rest = rest[LONGEST:]
        self._begun.text = rest
        for line in lines:
            if line.strip():
                self._say(line[:LONGEST])
        return len(text)

    def flush(self) -> None:
        """Do nothing: a line ends with its end."""

    def fileno(self) -> int:
        """Return the real file's, for what writes past Python."""
        return self._real.fileno()

    @property
    def buffer(self) -> BinaryIO:
        """The real file's: bytes stay where they are."""
        return self._real.buffer

    def writable(self) -> bool:
        """Return true."""
        return True

    def end(self) -> None:
        """Take the last line, which may have no end."""
        rest = getattr(self._begun, "text", "")
        if rest.strip():
            self._say(rest)

    def _say(self, line: str) -> None:
        self._tell(line, level=self._level, logger=self._name, **_members())


class _Handler(logging.Handler):
    """Takes records of ``logging``."""

    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Make a line of a record. Raises nothing."""
        try:
            members = {"logger": record.name, **_members()}
            if record.exc_info:
                members["stack"] = logging.Formatter().formatException(record.exc_info)[-LONGEST:]
            self._tell(record.getMessage()[:LONGEST], level=_level(record.levelno), **members)
        except Exception:  # noqa: BLE001 - a message whose arguments do not fit must not fail an answer
            self._tell(str(record.msg)[:LONGEST], level=_level(record.levelno), logger=record.name)


@contextlib.contextmanager
def captured(tell: Tell) -> Iterator[None]:
    """Let what is printed and logged in the block go to the log; what is written past Python stays where it is."""
    out, err = sys.stdout, sys.stderr
    streams = [_Stream(out, "stdout", "info", tell), _Stream(err, "stderr", "warning", tell)]
    root, handler = logging.getLogger(), _Handler(tell)
    level = root.level
    sys.stdout, sys.stderr = streams
    root.addHandler(handler)
    root.setLevel(min(level, logging.INFO))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err
        root.removeHandler(handler)
        root.setLevel(level)
        for stream in streams:
            stream.end()


def _members() -> dict[str, Any]:
    request = request_id()
    return {"id": request} if request else {}


def _level(number: int) -> LogLevel:
    if number >= logging.ERROR:
        return "error"
    return "warning" if number >= logging.WARNING else "info"
