"""Out of memory: what Linux tells of processes that its kernel ended to get memory back."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Final

from jupyter_mlops.core.process import ProcessId
from jupyter_mlops.core.record import Record

_CGROUPS: Final = Path("/sys/fs/cgroup")
_FIRST_NAMESPACE: Final = "pid:[4026531836]"
"""The pid namespace in which the kernel log names processes (PROC_PID_INIT_INO)."""
_LOG_RECORDS: Final = 50_000
_KILLED: Final = re.compile(rb"^\d+,\d+,(\d+),[^;]*;.*Killed process (\d+) \(")


class OomCount(Record, frozen=True, kw_only=True):
    """How often the kernel had ended a process of a control group for want of memory, at some moment."""

    path: str
    inode: int
    """Another group may be made in the place of one that is gone."""
    n_kills: int


def oom_count() -> OomCount | None:
    """Return the count of this process's control group (v1 or v2); ``None`` where nothing tells it."""
    for folder, name in _places():
        found = count_in(folder / name)
        if found is not None:
            return found
    return None


def oom_kills_since(count: OomCount) -> int:
    """Return how many processes of that group the kernel has ended for want of memory since; 0 if that cannot be told."""
    now = count_in(Path(count.path))
    return 0 if now is None or now.inode != count.inode else max(0, now.n_kills - count.n_kills)


def kernel_log_names(process: ProcessId) -> bool:
    """Tell whether the kernel's log, where it can be read, names that very process as ended for want of memory."""
    if not process.boot_id.endswith(f"/{_FIRST_NAMESPACE}"):
        return False
    began_us = process.started * 1_000_000 // os.sysconf("SC_CLK_TCK")
    try:
        log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        for _ in range(_LOG_RECORDS):
            record = _next(log)
            if record is None:
                return False
            found = _KILLED.match(record)
            if found and int(found[2]) == process.pid and int(found[1]) >= began_us:
                return True
    finally:
        os.close(log)
    return False


def _next(log: int) -> bytes | None:
    while True:
        try:
            return os.read(log, 8192)
        except OSError as error:
            if error.errno != errno.EPIPE:  # older records were overwritten while we read: the next one follows
                return None


def _places() -> list[tuple[Path, str]]:
    """Return where the count may be: under the group's own path, or at the root as a container sees its own group."""
    found: list[tuple[Path, str]] = []
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = _CGROUPS / "memory" if controllers else _CGROUPS
        name = "memory.oom_control" if controllers else "memory.events"
        found += [(root / path.lstrip("/"), name), (root, name)]
    return found


def count_in(path: Path) -> OomCount | None:
    """Return the count in a file of a control group, ``None`` if it is not there."""
    try:
        inode = path.parent.stat().st_ino
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == "oom_kill":
                return OomCount(path=str(path), inode=inode, n_kills=int(value))
    except (OSError, ValueError):
        pass
    return None
