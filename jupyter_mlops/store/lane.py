"""A lane: the file to which one process appends the points of one run, and from which they are read.

Its pages are shared memory, so a point costs no system call, gives up no interpreter lock, and is the kernel's the
moment it is written: it outlives ``kill -9``. (A power cut may cost what the kernel had not yet put on the disk.)

A lane is a row of slots of 32 bytes. The first is the head: magic, how far it was shipped, whether it is closed. A point
is one slot, whose last field commits it; a key is one slot and as many more as its name takes, which are written before
it. What has no commit mark is skipped: a call that was interrupted. Zeros are room that was taken beforehand, so that
a full disk is an error and not a crash.
"""

from __future__ import annotations

import mmap
import os
import secrets
import struct
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jupyter_mlops.core.record import wire
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.store.databases import translate

SUFFIX: Final = ".points"
_SLOT: Final = struct.Struct("<IqqdI")  # key, step, ms, value, mark; 32 bytes never straddle a page or a sector
_MAGIC: Final = b"mlops-points-1\0\0"
_SHIPPED: Final = struct.Struct("<Q")
_SHIPPED_AT: Final = len(_MAGIC)
_CLOSED_AT: Final = _SHIPPED_AT + _SHIPPED.size
_WINDOW: Final = 1 << 16  # a multiple of every machine's page
_CHUNK: Final = 1 << 17
# Bytes that UTF-8 never has, so that no part of a key's name looks like a mark.
_POINT: Final = 0xFFFEFDFC
FLUSH_S: Final = 5.0
_KEY: Final = 0xFFFEFDFD


class Lane:
    """What one process appends to. Safe to use from several threads; a forked child goes on in a lane of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begin_anew()
        _LANES.add(self)

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._file = -1
        self._head: mmap.mmap | None = None
        self._window: mmap.mmap | None = None
        self._at = self._end = 0
        self._n_bytes = 0
        self._keys: dict[str, int] = {}

    def log(self, points: Sequence[MetricPoint]) -> None:
        """Append points, all or none. They are safe from a killed process when this returns. Raises ``DiskFull``."""
        with self._lock:
            while True:
                self._append(points)
                if self._head is None or not self._head[_CLOSED_AT]:
                    return
                self._let_go()  # its reader may have been done with it: twice is harmless, not at all is not

    def pending(self) -> bool:
        """Tell whether MLflow may lack something that was appended here."""
        with self._lock:
            if self._head is None:
                return False
            shipped: int = _SHIPPED.unpack_from(self._head, _SHIPPED_AT)[0]
            written = self._n_bytes - self._end + self._at
            return max(shipped, _SLOT.size) < written and not self._head[_CLOSED_AT]

    def flush(self, timeout_s: float = FLUSH_S) -> bool:
        """Wait until MLflow has what was appended, or ``timeout_s`` at most; tell whether it has."""
        deadline = time.monotonic() + timeout_s
        wait_s = 0.001
        while self.pending():
            if time.monotonic() > deadline:
                return False
            time.sleep(wait_s)
            wait_s = min(wait_s * 1.5, 0.02)
        return True

    def _append(self, points: Sequence[MetricPoint]) -> None:
        window = self._window
        try:
            keys = [self._keys[point.key] for point in points]
        except KeyError:
            window = None
        if window is None or self._at + len(points) * _SLOT.size > self._end:
            window = self._prepare(points)
            keys = [self._keys[point.key] for point in points]
        for point, key in zip(points, keys, strict=True):
            at = self._at
            # Moved on first: an interrupt between the two lines leaves a gap, not a slot that is written twice.
            self._at = at + _SLOT.size
            _SLOT.pack_into(window, at, key, point.step, point.at_ms, float(point.value), _POINT)

    def _prepare(self, points: Sequence[MetricPoint]) -> mmap.mmap:
        """Take room for all that a call needs before any of it is written, and name the keys that are new."""
        try:
            if self._window is None:
                self._make()
            new = {key: key.encode() for key in dict.fromkeys(p.key for p in points) if key not in self._keys}
            slots = len(points) + sum(1 + _slots(name) for name in new.values())
            if self._at + slots * _SLOT.size > self._end:
                self._grow(slots * _SLOT.size)
        except OSError as error:
            raise translate(error, f"The journal {self._folder}") from error
        assert self._window is not None
        for key, name in new.items():
            at = self._at
            self._at = at + (1 + _slots(name)) * _SLOT.size
            self._window[at + _SLOT.size : at + _SLOT.size + len(name)] = name
            _SLOT.pack_into(self._window, at, len(self._keys), len(name), 0, 0.0, _KEY)
            self._keys[key] = len(self._keys)
        return self._window

    def _make(self) -> None:
        """Make the file, head and all, and only then give it its name: a reader never meets half a head."""
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        draft, path = self._folder / f"{name}.new", self._folder / f"{name}{SUFFIX}"
        while self._file < 0:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    _write(file, _MAGIC.ljust(_WINDOW, b"\0"), 0)
                    draft.rename(path)
                except BaseException:
                    os.close(file)
                    draft.unlink(missing_ok=True)
                    raise
            except FileNotFoundError:
                continue  # the folder was shipped and taken away meanwhile
            self._file, self._n_bytes = file, _WINDOW
        self._head = self._window = mmap.mmap(self._file, _WINDOW)
        self._at, self._end = _SLOT.size, _WINDOW

    def _grow(self, n_bytes: int) -> None:
        size = -(-n_bytes // _WINDOW) * _WINDOW
        _write(self._file, bytes(size), self._n_bytes)
        self._window = mmap.mmap(self._file, size, offset=self._n_bytes)
        self._n_bytes += size
        self._at, self._end = 0, size

    def _let_go(self) -> None:
        file, self._file = self._file, -1
        self._window = self._head = None
        self._keys = {}
        if file >= 0:
            os.close(file)

    def close(self) -> None:
        """Give up file and memory. What is logged later all the same goes to a new lane."""
        with self._lock:
            self._let_go()

    def after_fork(self) -> None:
        """Leave the lane to the parent: two processes must not write the same slots."""
        file = self._file
        self._begin_anew()
        if file >= 0:
            os.close(file)


_LANES: Final[weakref.WeakSet[Lane]] = weakref.WeakSet()


def _leave_lanes() -> None:
    for lane in list(_LANES):
        lane.after_fork()


os.register_at_fork(after_in_child=_leave_lanes)


class LaneReader:
    """Reads what a lane's shipper has not shipped yet. There is one shipper at a time: who holds the run's journal.

    Others may read ``from_start`` and note nothing: who draws a run while it goes on.
    """

    def __init__(self, path: Path, *, from_start: bool = False) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._keys: dict[int, str] = {}
        self._at = _SLOT.size
        head = os.pread(self._file, _SLOT.size, 0)
        self._shipped = max(_SHIPPED.unpack_from(head, _SHIPPED_AT)[0], _SLOT.size) if len(head) == _SLOT.size else 0
        if from_start:
            self._shipped = 0

    def read(self) -> list[MetricPoint]:
        """Return the next points, oldest first; none when there are no more for now. Raises ``OSError``."""
        points: list[MetricPoint] = []
        at = self._at
        while not points:
            data = os.pread(self._file, _CHUNK, at)
            used = len(data.rstrip(b"\0"))
            done, seen = self._parse(data[: -(-used // _SLOT.size) * _SLOT.size], at, points)
            self._at = at + done if done else self._at
            if len(data) < _CHUNK:
                break
            at += done or seen or len(data)  # zeros: the room that a large call did not fit in
        return points

    def _parse(self, data: bytes, base: int, points: list[MetricPoint]) -> tuple[int, int]:
        """Add the points of a chunk; return where its last committed slot ends, and how far it could be told."""
        done = at = 0
        while at + _SLOT.size <= len(data):
            key, step, at_ms, value, mark = _SLOT.unpack_from(data, at)
            at += _SLOT.size
            if mark == _POINT and key in self._keys:
                done = at
                if base + at > self._shipped:
                    points.append(MetricPoint(key=self._keys[key], value=wire(value), step=step, at_ms=at_ms))
            elif mark == _KEY:
                if at + step > len(data):
                    return done, at - _SLOT.size  # the rest of its name is in the next chunk
                name = data[at : at + step]
                self._keys[key] = name.decode(errors="replace")
                done = at = at + _slots(name) * _SLOT.size
        return done, at

    def shipped(self) -> None:
        """Note that all that was read is in MLflow. Raises ``OSError``."""
        self._shipped = self._at
        _write(self._file, _SHIPPED.pack(self._at), _SHIPPED_AT)

    def rewind(self) -> None:
        """Go back to what was shipped last: what was read since is read again."""
        self._at = self._shipped

    def shut(self) -> None:
        """Tell the writer to go elsewhere. What it wrote before it heard of this can still be read."""
        _write(self._file, b"\1", _CLOSED_AT)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _slots(name: bytes) -> int:
    return -(-len(name) // _SLOT.size)


def _write(file: int, data: bytes, at: int) -> None:
    """Write all of it. Raises ``OSError``, as for a full disk."""
    done = 0
    while done < len(data):
        done += os.pwrite(file, memoryview(data)[done:], at + done)
