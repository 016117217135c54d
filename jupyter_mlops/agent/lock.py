"""The lock that makes an agent the only one of its workspace and node."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.process import ProcessId, process_id
from jupyter_mlops.core.record import Record, decode, encode

PATIENCE_S: Final = 2.0
"""Others take the lock for a moment to see whether it is free."""


class Holder(Record, frozen=True, kw_only=True):
    """What the lock file says of the agent that holds it."""

    pid: int
    process: ProcessId
    started_at: float
    """Seconds since the epoch."""


def lock_file(root: Path) -> Path:
    """Return the lock file of a workspace's agent."""
    return root / "agent" / "lock"


@contextlib.contextmanager
def hold(root: Path) -> Iterator[Holder | None]:
    """Hold the lock; yields ``None`` when another agent has it. The kernel lets go of it when the process ends."""
    path = lock_file(root)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        me = process_id()
        if me is None or not _take(handle):
            yield None
            return
        holder = Holder(pid=me.pid, process=me, started_at=time.time())
        os.ftruncate(handle, 0)
        os.pwrite(handle, encode(holder), 0)
        yield holder
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def holder_of(root: Path) -> Holder | None:
    """Return who holds the lock, ``None`` when nobody does."""
    path = lock_file(root)
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read(path)
            return None
    except FileNotFoundError:
        return None


def _take(handle: int) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        else:
            return True


def _read(path: Path) -> Holder | None:
    """Return what the holder wrote; it may be about to."""
    for _ in range(20):
        with contextlib.suppress(msgspec.MsgspecError, FileNotFoundError):
            return decode(path.read_bytes(), Holder)
        time.sleep(0.05)
    return None
