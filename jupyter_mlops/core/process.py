"""Which process: a pid that is given again names another one, so boot, namespace and start are kept with it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Final

from jupyter_mlops.core.record import Record

_PROC: Final = Path("/proc/self/stat").exists()


class ProcessId(Record, frozen=True, kw_only=True):
    """A process for good. ``started`` is in clock ticks after boot (Linux) or seconds since the epoch (macOS)."""

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
    if not _PROC:
        return _command("sysctl", "-n", "kern.boottime")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink().name}"


def _started(pid: int) -> int | None:
    if not _PROC:
        state, _, started = _command("ps", "-o", "state=,lstart=", "-p", str(pid)).partition(" ")
        return None if not state or state.startswith("Z") else int(time.mktime(time.strptime(started.strip())))
    try:
        # The name in parentheses may hold anything, so the fields are counted from its end.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {b"Z", b"X"} else int(fields[19])


def _command(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    return done.stdout.strip()
