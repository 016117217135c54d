"""Which process: a pid that is given again names another one, so boot, namespace and start are kept with it."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jupyter_mlops.core.record import Record

PARENT_EVERY_S: Final = 0.5
PARENT_GRACE_S: Final = 5.0
_PROC: Final = Path("/proc/self/stat").exists()


class ProcessId(Record, frozen=True, kw_only=True):
    """A process for good. ``started`` is in clock ticks after boot (Linux) or seconds since the epoch (macOS)."""

    pid: int
    started: int
    boot_id: str
    """The kernel's boot id and the pid namespace, or the id of the boot session."""


def process_id(pid: int | None = None) -> ProcessId | None:
    """Return the identity of a process (this one by default), ``None`` if it is gone or a zombie."""
    pid = os.getpid() if pid is None else pid
    started = _started(pid)
    return None if started is None else ProcessId(pid=pid, started=started, boot_id=boot_id())


def is_alive(process: ProcessId) -> bool:
    """Tell whether that very process still runs in this boot and namespace. A zombie does not; a stopped one does."""
    if process.boot_id != boot_id():
        return False
    started = _started(process.pid)
    return started == process.started or (started is None and _is_hidden(process.pid))


@functools.cache
def boot_id() -> str:
    """Return what names this boot and this pid namespace. Neither changes while this process runs."""
    if not _PROC:
        return _command("sysctl", "-n", "kern.bootsessionuuid")  # kern.boottime moves when the clock is set
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink().name}"


def kernel_process(kernel_id: str) -> int | None:
    """Return the pid of the process that is the Jupyter kernel of that id now, by its connection file."""
    names = (f"kernel-{kernel_id}.json".encode(), f"{kernel_id}.json".encode())
    for pid, words in _command_lines():
        if any(word.rpartition(b"/")[2] in names for word in words) and _started(pid) is not None:
            return pid
    return None


def end_with(parent: int) -> None:
    """End this process and its group as soon as the process that started it is gone, however that ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_EVERY_S)
        os.killpg(os.getpgrp(), signal.SIGTERM)
        time.sleep(PARENT_GRACE_S)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, name="mlops-parent", daemon=True).start()


def _command_lines() -> Iterator[tuple[int, list[bytes]]]:
    if not _PROC:
        for line in _command("ps", "-axo", "pid=,command=").splitlines():
            pid, _, command = line.strip().partition(" ")
            yield int(pid), command.encode().split()
        return
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                yield int(folder.name), (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # it ended just now, or is another user's


def _is_hidden(pid: int) -> bool:
    """Tell whether a process is there that this user may not look at (``hidepid``)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return not Path(f"/proc/{pid}").exists()
    except OSError:
        return False
    return False


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
