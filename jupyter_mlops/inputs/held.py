"""Bytes that are wanted again later: in memory while they are few, in a file without a name beyond."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

_IN_MEMORY: Final = 16 << 20


class Held:
    """A place for bytes. Where no file can be written they stay in memory."""

    def __init__(self, folder: Path | None = None, most_bytes: int = _IN_MEMORY) -> None:
        """Take where a file goes, else where the system has temporary files, and from how many bytes on."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._buffer = bytearray()
        self._start = 0
        self._fd = -1

    def put(self, content: bytes) -> int:
        """Keep bytes; return where they are."""
        at = self._start + len(self._buffer)
        self._buffer += content
        if len(self._buffer) > self._most_bytes:
            self._spill()
        return at

    def get(self, at: int, length: int) -> bytes:
        """Return bytes that were put as one."""
        if at >= self._start:
            return bytes(self._buffer[at - self._start : at - self._start + length])
        return os.pread(self._fd, length, at)

    def _spill(self) -> None:
        """Move what is in memory to the end of the file."""
        try:
            if self._fd < 0:
                if self._folder is not None:
                    self._folder.mkdir(parents=True, exist_ok=True)
                with TemporaryFile(dir=self._folder) as file:
                    self._fd = os.dup(file.fileno())
                weakref.finalize(self, os.close, self._fd)
            written = 0
            while written < len(self._buffer):
                written += os.pwrite(self._fd, memoryview(self._buffer)[written:], self._start + written)
        except OSError:  # a full disk
            self._most_bytes = 2 * len(self._buffer)
            return
        self._start += len(self._buffer)
        self._buffer = bytearray()
