"""The lock that makes an agent the only one of its workspace: who holds it, and whether anybody does."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.detached import start_detached
from jupyter_mlops.core.process import ProcessId, is_alive, process_id
from jupyter_mlops.core.record import Record, decode, encode

PATIENCE_S: Final = 2.0
"""Others take the lock for a moment to see whether it is free."""
START_S: Final = 30.0
"""An agent that was started and has not got so far by then is not waited for."""


class Holder(Record, frozen=True, kw_only=True):
    """What the lock file says of the agent that holds it."""

    pid: int
    process: ProcessId
    started_at: float
    """Seconds since the epoch."""


class Starting(Record, frozen=True, kw_only=True):
    """An agent that was started, and may not hold the lock yet."""

    process: ProcessId
    at: float
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
        _start_file(root).unlink(missing_ok=True)
        yield holder
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def holder_of(root: Path) -> Holder | None:
    """Return who holds the lock, ``None`` when nobody does."""
    path = lock_file(root)
    deadline = time.monotonic() + PATIENCE_S
    while _is_held(path):
        holder = _read(path)
        if holder is not None and is_alive(holder.process):
            return holder
        # It belongs to one that has not written its name yet, that is just dying, or that only looks, as we do.
        if time.monotonic() > deadline:
            return None
        time.sleep(0.02)
    return None


def start_agent(root: Path) -> None:
    """Start the workspace's agent where none holds its lock, or is about to. It is a session of its own and outlives us."""
    begun = starting(root)
    if holder_of(root) is not None or (begun is not None and time.time() - begun.at < START_S):
        return
    argv = [sys.executable, "-m", "jupyter_mlops.agent", "--workspace", str(root)]
    process = start_detached(argv, log=root / "agent" / "log", env=os.environ, cwd=root)
    if process is not None:
        # Until it holds the lock nothing else tells of it.
        written = _start_file(root).with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        written.write_bytes(encode(Starting(process=process, at=time.time())))
        written.replace(_start_file(root))


def starting(root: Path) -> Starting | None:
    """Return who was started last to be the agent and still runs, ``None`` where nobody does."""
    with contextlib.suppress(msgspec.MsgspecError, FileNotFoundError):
        found = decode(_start_file(root).read_bytes(), Starting)
        return found if is_alive(found.process) else None
    return None


def _start_file(root: Path) -> Path:
    return root / "agent" / "starting"


def wait_free(root: Path, timeout_s: float) -> bool:
    """Wait until nobody holds the lock; the kernel lets go of it a moment after its process is seen to end."""
    deadline = time.monotonic() + timeout_s
    while _is_held(lock_file(root)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_held(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


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
    with contextlib.suppress(msgspec.MsgspecError, FileNotFoundError):
        return decode(path.read_bytes(), Holder)
    return None
