"""Workers: several processes that serve one bundle on one port, kept alive by one that only watches them."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from jupyter_mlops.scoring.limits import DRAIN_S

READY: Final = b"r"
GRACE_S: Final = DRAIN_S + 3.0
"""After SIGTERM a worker drains; one that takes longer is killed, before the container is."""
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 10.0
LASTING_S: Final = 30.0
"""A worker that lived longer is started again at once; others wait, each time twice as long."""
LOOK_S: Final = 0.2


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    control: socket.socket
    started: float = field(default_factory=time.monotonic)
    ready: bool = False


class Pool:
    """Starts workers, starts again those that end, and ends them all on SIGTERM or SIGINT."""

    def __init__(self, command: Sequence[str], n_workers: int, *, say: Callable[[str], None]) -> None:
        """``command`` runs one worker; it is given ``--control FD``, a socket that it says on that it is ready."""
        self._command = list(command)
        self._n_workers = n_workers
        self._say = say
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._due: list[float] = [0.0] * n_workers
        """When workers that are missing are to be started."""
        self._wait_s = FIRST_WAIT_S
        self._was_ready = False
        self._ending = False

    def run(self) -> int:
        """Keep workers until a signal comes; return the exit code, that of the first one when none ever got ready."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._end)
        try:
            while not self._ending:
                self._start_due()
                self._listen()
                code = self._reap()
                if code is not None and not self._was_ready:
                    return code
            return self._drain()
        finally:
            for worker in self._workers:
                worker.process.kill()
                worker.process.wait()

    def _end(self, _signum: int, _frame: object) -> None:
        self._ending = True

    def _start_due(self) -> None:
        now = time.monotonic()
        for due in [due for due in self._due if due <= now]:
            self._due.remove(due)
            self._workers.append(self._started())

    def _started(self) -> _Worker:
        mine, its = socket.socketpair()
        with its:
            fd = its.fileno()
            process = subprocess.Popen([*self._command, "--control", str(fd)], pass_fds=[fd])
        mine.setblocking(False)  # noqa: FBT003 - its only form
        worker = _Worker(process, mine)
        self._selector.register(mine, selectors.EVENT_READ, worker)
        return worker

    def _listen(self) -> None:
        """Wait a moment for workers to say that they are ready, or to close their end."""
        for key, _events in self._selector.select(LOOK_S):
            worker: _Worker = key.data
            said = b""
            with contextlib.suppress(OSError):
                said = worker.control.recv(1)
            if said == READY:
                worker.ready = self._was_ready = True
            else:
                self._selector.unregister(worker.control)

    def _reap(self) -> int | None:
        """Take note of workers that ended, and plan others in their place; return the exit code of one."""
        found = None
        for worker in [each for each in self._workers if each.process.poll() is not None]:
            self._workers.remove(worker)
            with contextlib.suppress(KeyError):
                self._selector.unregister(worker.control)
            worker.control.close()
            found = _code(worker.process.returncode)
            if self._ending or not self._was_ready:
                continue
            lasted = worker.ready and time.monotonic() - worker.started > LASTING_S
            self._wait_s = FIRST_WAIT_S if lasted else min(self._wait_s * 2, LONGEST_WAIT_S)
            wait_s = 0.0 if lasted else self._wait_s / 2
            self._say(f"worker {worker.process.pid} ended with {found}; another is started in {wait_s:g} s")
            self._due.append(time.monotonic() + wait_s)
        return found

    def _drain(self) -> int:
        """End all; return 0 when each ended well."""
        for worker in self._workers:
            worker.process.terminate()
        until = time.monotonic() + GRACE_S
        codes = []
        for worker in self._workers:
            try:
                codes.append(_code(worker.process.wait(max(0.0, until - time.monotonic()))))
            except subprocess.TimeoutExpired:
                codes.append(1)
        return max(codes, default=0)


def _code(returned: int) -> int:
    """Return an exit code as shells have it: of a process that a signal ended, 128 and the signal."""
    return returned if returned >= 0 else 128 - returned


def command_of_one(port: int) -> list[str]:
    """Return this process's own command for one worker on ``port``. The last of a repeated option counts."""
    return [sys.executable, *sys.orig_argv[1:], "--workers", "1", "--port", str(port)]


def watch(fd: int, gone: Callable[[], None]) -> Callable[[], None]:
    """In a worker: call ``gone`` when the process that started it is no more; return what tells it of readiness."""
    import asyncio

    control = socket.socket(fileno=fd)
    os.set_inheritable(fd, False)  # noqa: FBT003 - its only form
    loop = asyncio.get_running_loop()

    def came() -> None:
        loop.remove_reader(control)
        gone()

    loop.add_reader(control, came)  # nothing is ever sent: what comes is the end

    def ready() -> None:
        with contextlib.suppress(OSError):  # it is gone, which shows otherwise
            control.send(READY)

    return ready
