"""Processes that outlive us: starting them, knowing them again, signalling no other. Linux and macOS."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LINUX = platform.system() == "Linux"
PROC = Path("/proc")
LAUNCH = '"$@" </dev/null >>"$MLOPS_LOG" 2>&1 & echo $!'
"""The shell goes away at once, so the process belongs to init: it is nobody's zombie and dies with nobody."""


@functools.cache
def boot_id() -> str:
    """Return what names this boot of this machine, and the pid namespace: pids mean the same only within both."""
    if LINUX:
        boot = (PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}/{(PROC / 'self/ns/pid').stat().st_ino}"
    return _run("sysctl", "-n", "kern.boottime").partition("}")[0].strip("{ ")


def started_ticks(pid: int) -> int:
    """Return when a process started, in clock ticks after boot (on macOS seconds since the epoch).

    0 when there is no such process, or when it is a zombie.
    """
    if pid <= 0:
        return 0
    if LINUX:
        try:
            stat = (PROC / str(pid) / "stat").read_text("utf-8", "replace")
        except OSError:
            return 0
        # The name in parentheses may hold spaces and parentheses: fields are counted from the last one.
        fields = stat.rpartition(")")[2].split()
        return 0 if fields[0] in "ZX" else int(fields[19])
    state, _, started = _run("ps", "-o", "stat=,lstart=", "-p", str(pid)).strip().partition(" ")
    if not started or state.startswith("Z"):
        return 0
    return int(time.mktime(time.strptime(started.strip(), "%a %b %d %H:%M:%S %Y")))


def is_process(pid: int, started: int, boot: str) -> bool:
    """Tell whether ``pid`` is still the process that started at ``started`` ticks after the boot ``boot``."""
    return started > 0 and boot == boot_id() and started_ticks(pid) == started


def start_detached(argv: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path) -> tuple[int, int]:
    """Start a program in its own session, its output appended to ``log``; return its pid and start ticks.

    The ticks are 0 when it ended at once; the log then says why.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["/bin/sh", "-c", LAUNCH, "sh", *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**env, "MLOPS_LOG": str(log)},
        cwd=cwd,
        start_new_session=True,
        check=True,
    )
    pid = int(done.stdout)
    return pid, started_ticks(pid)


def send_signal(pid: int, started: int, boot: str, number: signal.Signals) -> bool:
    """Signal that very process; return whether it was there. A process that took over its pid is left alone."""
    if not is_process(pid, started, boot):
        return False
    with contextlib.suppress(ProcessLookupError):
        if not LINUX:
            os.kill(pid, number)
            return True
        # A pid may be taken over between looking and signalling; what a pidfd names stays the same.
        handle = os.pidfd_open(pid)
        try:
            if is_process(pid, started, boot):
                signal.pidfd_send_signal(handle, number)
                return True
        finally:
            os.close(handle)
    return False


def wait_gone(pid: int, started: int, boot: str, timeout_s: float) -> bool:
    """Wait until that very process has ended; return whether it has."""
    ends = time.monotonic() + timeout_s
    while is_process(pid, started, boot):
        left = ends - time.monotonic()
        if left <= 0:
            return False
        _nap(pid, min(left, 0.5))
    return True


def end(pid: int, started: int, boot: str, *, grace_s: float, ask: signal.Signals = signal.SIGTERM) -> None:
    """End that very process: ``ask``, then SIGKILL after ``grace_s``. Harmless when it is gone."""
    if send_signal(pid, started, boot, ask) and not wait_gone(pid, started, boot, grace_s):
        send_signal(pid, started, boot, signal.SIGKILL)
        wait_gone(pid, started, boot, 10.0)


def _nap(pid: int, most_s: float) -> None:
    """Sleep until the process ends, at most ``most_s``; where nothing tells, a twentieth of a second."""
    if not LINUX:
        time.sleep(min(most_s, 0.05))
        return
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        watch = select.poll()  # not select(): a busy server has more than 1024 files open
        watch.register(handle, select.POLLIN)
        watch.poll(most_s * 1000)
    finally:
        os.close(handle)


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    return done.stdout
