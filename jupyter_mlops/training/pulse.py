"""The pulse: one thread of this process that does, every so often, what its runs need done while they go on."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

_IDLE_S: Final = 60.0
"""A thread with nothing to do ends after so long."""
_PATIENCE_S: Final = 1.0


class Beat:
    """One thing that is done again and again, until ``stop``."""

    def __init__(self, call: Callable[[], float], wait_s: float) -> None:
        self._call = call
        self._wait_s = wait_s
        self._busy = threading.Lock()
        self.stopped = False

    def stop(self) -> None:
        """Do it no more. Waits for one that is being done, a second at most."""
        self.stopped = True
        if self._busy.acquire(timeout=_PATIENCE_S):
            self._busy.release()

    def beat(self) -> float:
        """Do it; return after how many seconds to do it again."""
        with self._busy:
            if not self.stopped:
                try:
                    self._wait_s = self._call()
                except Exception:  # one run's trouble must not stop what is done for the others
                    log.exception("A run's background work failed.")
        return self._wait_s


class Pulse:
    """The thread, begun when there is something to do. A thread for each run would make each run wait for its start."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Know of nothing to do, as a forked child does: its parent's runs are not its own."""
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Beat]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def every(self, call: Callable[[], float], wait_s: float) -> Beat:
        """Call ``call`` in ``wait_s`` seconds, and again after as many as it returns each time. It should not take long."""
        beat = Beat(call, wait_s)
        with self._changed:
            self._add(beat, wait_s)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="mlops-pulse", daemon=True)
                self._thread.start()
            elif self._due[0][2] is beat:
                self._changed.notify()
        return beat

    def _add(self, beat: Beat, wait_s: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + wait_s, next(self._numbers), beat))

    def _work(self) -> None:
        while (beat := self._next()) is not None:
            wait_s = beat.beat()
            if not beat.stopped:
                with self._changed:
                    self._add(beat, wait_s)

    def _next(self) -> Beat | None:
        """Wait until something is due and return it; ``None`` when there has been nothing for a while."""
        with self._changed:
            while self._due or self._changed.wait(_IDLE_S):
                if not self._due:
                    continue
                at, _, beat = self._due[0]
                if beat.stopped or at <= time.monotonic():
                    heapq.heappop(self._due)
                    if not beat.stopped:
                        return beat
                else:
                    self._changed.wait(at - time.monotonic())
            self._thread = None
            return None


PULSE: Final = Pulse()
os.register_at_fork(after_in_child=PULSE.begin_anew)
