"""Processes that outlive us: starting them, and signalling them and no other."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from jupyter_mlops.core.process import ProcessId, is_alive, process_id

LAUNCH = '"$@" </dev/null >>"$MLOPS_LOG" 2>&1 & echo $!'
"""The shell goes away at once, so the process belongs to init: it is nobody's zombie and dies with nobody."""
HAS_PIDFD = hasattr(os, "pidfd_open")
LOOK_EVERY_S = 0.05
"""Where nothing tells that a process has ended."""


def start_detached(argv: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path) -> ProcessId | None:
    """Start a program in its own session, its output appended to ``log``; ``None`` if it ended at once (the log says why)."""
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
    return process_id(int(done.stdout))


def send_signal(process: ProcessId, number: signal.Signals) -> bool:
    """Signal that very process; return whether it was there. A process that took over its pid is left alone."""
    if not is_alive(process):
        return False
    handle = _open(process)
    try:
        # A pid may be taken over between looking and signalling; what a pidfd names stays the same.
        if not is_alive(process):
            return False
        if handle is None or sys.platform != "linux":
            os.kill(process.pid, number)
        else:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        if handle is not None:
            os.close(handle)
    return True


def wait_ended(process: ProcessId, timeout_s: float) -> bool:
    """Wait until that very process has ended; return whether it has."""
    ends = time.monotonic() + timeout_s
    handle = _open(process)
    try:
        while is_alive(process):
            left_s = ends - time.monotonic()
            if left_s <= 0:
                return False
            if handle is None:
                time.sleep(min(left_s, LOOK_EVERY_S))
            else:
                watch = select.poll()  # not select(): a busy server has more than 1024 files open
                watch.register(handle, select.POLLIN)
                watch.poll(left_s * 1000)
    finally:
        if handle is not None:
            os.close(handle)
    return True


def end(process: ProcessId, *, grace_s: float, ask: signal.Signals = signal.SIGTERM) -> None:
    """End that very process: ``ask``, then SIGKILL after ``grace_s``. Harmless when it is gone."""
    if send_signal(process, ask) and not wait_ended(process, grace_s):
        send_signal(process, signal.SIGKILL)
        wait_ended(process, 10.0)


def _open(process: ProcessId) -> int | None:
    """Return a pidfd, ``None`` where there is none: on macOS, in some sandboxes, or when the process is gone."""
    if not HAS_PIDFD or sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(process.pid)
    except OSError:
        return None
