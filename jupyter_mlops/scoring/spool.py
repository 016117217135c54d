"""The spool: compressed files of lines that a replica leaves for whoever collects them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.files import make_private
from jupyter_mlops.core.telemetry import FILE_SUFFIX, PART_SUFFIX

FILE_BYTES: Final = 4_000_000
FILE_S: Final = 60.0
"""A file is closed when it is that large or old, or when its hour is over."""
MOST_BYTES: Final = 1_000_000_000
"""What may lie in the folder when nobody collects it; then nothing is written until somebody does."""
LEAST_FREE_BYTES: Final = 50_000_000
"""Telemetry never is what takes the last of a disk."""
AGAIN_S: Final = 5.0
"""After something went wrong with the disk, it is left alone for so long."""
ABANDONED_S: Final = 1.0
"""Between opening a file and locking it, nobody may take it for a dead one's."""
LEVEL: Final = 1


class Full(OSError):
    """There is no room that telemetry may take."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.ENOSPC, why)


class Spool:
    """A folder of its owner's alone. Used by one thread.

    A file is written as ``NAME.part`` and renamed to ``NAME.jsonl.zst`` when it is complete. Each write is one frame, so
    that what was written can be read at any moment, and a process that is killed loses nothing but the frame it was
    writing. ``NAME`` begins with the hour, in UTC.
    """

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        """Write nothing yet; the folder is made when there is something to write."""
        self._folder = folder
        self._now = now
        self._token = secrets.token_hex(4)
        self._number = 0
        self._name = ""
        self._fd = -1
        self._n_bytes = 0
        self._opened = 0.0
        self._not_before = 0.0
        self._adopt_at: float | None = 0.0
        self._trouble = OSError()
        self._compressor: Any = None

    @property
    def is_open(self) -> bool:
        """Whether there is a file to be closed when its time comes."""
        return self._fd >= 0

    def write(self, chunks: Iterable[bytes]) -> None:
        """Append whole lines as one frame. Raises ``OSError``; then nothing of them is there."""
        now = self._now()
        if now < self._not_before:
            raise self._trouble
        try:
            self.rotate()
            if self._fd < 0:
                self._open(now)
            if self._adopt_at is not None and now >= self._adopt_at:
                # A container is started again within less than it takes to tell a dead one's file from a new one.
                self._adopt_at = now + ABANDONED_S if adopt(self._folder, mine=self._name) else None
            self._append(self._frame(chunks))
        except OSError as error:
            self._not_before, self._trouble = now + AGAIN_S, error
            raise
        if self._n_bytes >= FILE_BYTES:
            self.publish()

    def rotate(self) -> None:
        """Publish the file if its time has come."""
        if self._fd >= 0 and (
            self._now() - self._opened >= FILE_S or not self._name.startswith(f"{_hour(self._now())}-")
        ):
            self.publish()

    def publish(self) -> None:
        """Close the file and give it its name. Raises nothing."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        part = self._folder / (self._name + PART_SUFFIX)
        with contextlib.suppress(OSError):
            os.fsync(fd)
        with contextlib.suppress(OSError):
            os.close(fd)
        with contextlib.suppress(OSError):  # somebody took the folder away
            if self._n_bytes:
                part.rename(self._folder / (self._name + FILE_SUFFIX))
            else:
                part.unlink()

    def _open(self, now: float) -> None:
        make_private(self._folder)
        if sum(_sizes(self._folder)) >= MOST_BYTES:
            raise Full(f"{self._folder} is full, and nobody collects it")
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < LEAST_FREE_BYTES:
            raise Full(f"the disk of {self._folder} is nearly full")
        self._number += 1
        self._name = f"{_hour(now)}-{self._token}-{self._number}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(self._folder / (self._name + PART_SUFFIX), flags, 0o600)
        with contextlib.suppress(OSError):
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as long as we live, the file is ours
        self._n_bytes, self._opened = 0, now

    def _frame(self, chunks: Iterable[bytes]) -> list[bytes]:
        if self._compressor is None:
            try:
                import zstandard  # late: a replica without telemetry need not carry it
            except ImportError as error:
                raise OSError(errno.ENOSYS, "the package zstandard is missing") from error
            self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        frame = self._compressor.compressobj()
        return [*map(frame.compress, chunks), frame.flush()]

    def _append(self, pieces: Iterable[bytes]) -> None:
        data = b"".join(pieces)
        try:
            n_written = os.write(self._fd, data)
            if n_written < len(data):  # a disk that was full in the middle says so at the next write only
                raise Full("a part could be written only")
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._n_bytes)
                os.lseek(self._fd, self._n_bytes, os.SEEK_SET)
            self.publish()
            raise
        self._n_bytes += len(data)


def adopt(folder: Path, *, mine: str = "") -> bool:
    """Publish what was being written by those who were killed: whoever lives holds the lock of its file.

    ``mine`` is let be also where files cannot be locked. Return whether there is one without a lock that may have been
    opened just now.
    """
    is_fresh = False
    for part in folder.glob(f"*{PART_SUFFIX}"):
        if part.name == mine + PART_SUFFIX:
            continue
        with contextlib.suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if time.time() - os.fstat(file.fileno()).st_mtime > ABANDONED_S:
                part.rename(part.with_name(part.name.removesuffix(PART_SUFFIX) + FILE_SUFFIX))
            else:
                is_fresh = True
    return is_fresh


def _hour(now: float) -> str:
    return time.strftime("%Y%m%d%H", time.gmtime(now))


def _sizes(folder: Path) -> Iterator[int]:
    for entry in os.scandir(folder):
        with contextlib.suppress(OSError):
            yield entry.stat().st_size
