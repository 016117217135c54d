"""Which process: a pid that is given again names another one, so boot, namespace and start are kept with it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from jupyter_mlops.core.record import Record


class ProcessId(Record, frozen=True, kw_only=True):
    """A process for good. ``started`` is in clock ticks after boot (Linux) or microseconds since the epoch."""

    pid: int
    started: int
    boot_id: str
    """The kernel's boot id and the pid namespace, or the machine's boot time."""


def process_id(pid: int | None = None) -> ProcessId | None:
    """Return the identity of a process (this one by default), ``None`` if it is gone or a zombie."""
    pid = os.getpid() if pid is None else pid
    started = _started(pid)
    return None if started is None else ProcessId(pid=pid, started=started, boot_id=boot_id())


def is_alive(process: ProcessId) -> bool:
    """Tell whether that very process still runs in this boot and namespace. A zombie does not."""
    return process.boot_id == boot_id() and _started(process.pid) == process.started


def boot_id() -> str:
    """Return what names this boot and this pid namespace."""
    if sys.platform == "linux":
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = Path("/proc/self/ns/pid").readlink().name
        return f"{boot}/{namespace}"
    import psutil

    return str(int(psutil.boot_time()))


def _started(pid: int) -> int | None:
    if sys.platform == "linux":
        try:
            # The name in parentheses may hold anything, so the fields are counted from its end.
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in {b"Z", b"X"} else int(fields[19])
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time() * 1e6)
    except psutil.Error:
        return None
