"""Batching without a timer: what has arrived is scored together, inline while that is quick."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

INLINE_S: Final = 0.002
"""A batch expected to take less is scored on the event loop: handing it to a thread would cost more than it saves."""
BATCH_S: Final = 0.1
"""No more is put into one batch than is expected to take this long."""
SLOW_S: Final = 0.01
"""After a batch that took longer, those that were just answered may be in the next one again."""
LINGER: Final = 0.1
"""For that it waits at most this part of the time that the batch took."""
FORGET: Final = 1.05
"""The best time per row seen is trusted a little less with every batch, so that a slower model is noticed."""


class Job:
    """One request's part of a batch. It ends once: with its output, an error, or because nobody waits for it."""

    __slots__ = ("_on_end", "data", "n_rows", "over")

    def __init__(self, data: Any, n_rows: int, on_end: Callable[[Job, Any], None]) -> None:
        self.data = data
        self.n_rows = n_rows
        self.over = False
        self._on_end = on_end

    def end(self, outcome: Any) -> None:
        """Hand over the output or the exception; later calls do nothing. On the event loop only."""
        if not self.over:
            self.over = True
            self._on_end(self, outcome)


class Scores(Protocol):
    """What a batch is given to."""

    inline: bool
    """Whether it may run on the event loop."""
    batches: bool
    """Whether several requests may be scored as one."""

    def score(self, data: Sequence[Any], n_rows: Sequence[int]) -> list[Any]:
        """Return one output, or one exception, for each request's data. Raises nothing."""


class Worker:
    """One thread for the model. A daemon: a model that hangs does not keep the process from ending."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._work: queue.SimpleQueue[Callable[[], Callable[[], None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], Callable[[], None]]) -> None:
        """Run ``work`` in the thread, then what it returns on the event loop."""
        self._work.put(work)

    def another(self) -> Worker:
        """Return one with a thread of its own; this one's ends with what it is doing, should that ever end."""
        self._work.put(None)
        return Worker(self._loop)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            after = work()
            try:
                self._loop.call_soon_threadsafe(after)
            except RuntimeError:
                return  # the loop has ended: nobody waits for an answer any more


class Pace:
    """How long batches take, learned from those that ran."""

    def __init__(self) -> None:
        self._batch_s = INLINE_S
        self._batch_rows = 1
        self._row_s = BATCH_S

    def learn(self, took_s: float, n_rows: int) -> None:
        """Take a batch into account."""
        self._batch_s, self._batch_rows = took_s, max(1, n_rows)
        self._row_s = min(self._row_s * FORGET, took_s / max(1, n_rows))

    def expected_s(self, n_rows: int) -> float:
        """Return how long a batch of ``n_rows`` may take."""
        return self._batch_s * max(1.0, n_rows / self._batch_rows)

    @property
    def most_rows(self) -> int:
        """How many rows are worth ``BATCH_S``."""
        return max(1, int(BATCH_S / max(self._row_s, 1e-9)))


class Batcher:
    """Scores jobs in the order they came, one batch at a time.

    ``submit`` only asks the loop for a flush: by the time it comes, whatever the same poll of the sockets
    brought is there too. While a batch is in the thread, what arrives waits and becomes the next one. After a slow
    batch that one begins when as many wait again as were answered just now, or a tenth of the batch's time later:
    otherwise clients that send again at once fall into two groups, each of which waits for the other's batch too.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        worker: Worker,
        *,
        max_jobs: int,
        on_batch: Callable[[int, int], None],
    ) -> None:
        """``on_batch`` is told the requests and rows of each batch."""
        self._loop = loop
        self._worker = worker
        self.max_jobs = max_jobs
        """May be changed at any time, for the next batch."""
        self._on_batch = on_batch
        self._waiting: deque[Job] = deque()
        self._busy = False
        self._began = 0.0
        """When the batch went to the thread that is in it."""
        self._in_it: object = None
        """Stands for the batch that is in the thread."""
        self.n_stuck = 0
        """Threads that were left in a batch that nobody waits for."""
        self._asked = False
        self._lingers: asyncio.TimerHandle | None = None
        self._enough = 0
        """Of waiting jobs, with which a batch that lingers begins."""
        self.scorer: Scores | None = None
        """Set once, before the first job."""
        self.pace = Pace()

    def submit(self, job: Job) -> None:
        """Put a job in line."""
        self._waiting.append(job)
        self._ask()

    def _ask(self) -> None:
        if self._lingers is not None:
            if len(self._waiting) < self._enough:
                return
            self._lingers.cancel()
            self._lingers = None
            self._asked = False
        if not (self._asked or self._busy):
            self._asked = True
            self._loop.call_soon(self._flush)

    def _linger(self, n_answered: int, took_s: float) -> None:
        """Begin the next batch when as many wait again as were answered just now, or after a part of ``took_s``."""
        self._enough = min(len(self._waiting) + n_answered, self.max_jobs)
        self._asked = True
        self._lingers = self._loop.call_later(took_s * LINGER, self._flush)
        self._ask()

    def _flush(self) -> None:
        self._asked = False
        self._lingers = None
        scorer = self.scorer
        if scorer is None:
            return
        batch, n_rows = self._next(one=not scorer.batches)
        if not batch:
            return
        self._on_batch(len(batch), n_rows)
        data, rows = [job.data for job in batch], [job.n_rows for job in batch]
        if scorer.inline and self.pace.expected_s(n_rows) < INLINE_S:
            began = time.perf_counter()
            outcomes = scorer.score(data, rows)
            self._finish(batch, outcomes, n_rows, time.perf_counter() - began)
            return
        self._busy = True
        self._began = time.monotonic()
        ticket = self._in_it = object()
        self._worker.do(lambda: self._unless_left(ticket, self._in_thread(scorer, batch, data, rows, n_rows)))

    def relieve(self, now: float, limit_s: float) -> bool:
        """Go on in another thread where a batch took longer than anybody waits; tell whether that was so.

        A model that hangs would otherwise hold up every request that comes after. What the old thread still brings is
        dropped. ``now`` in seconds of the monotonic clock.
        """
        if not self._busy or now - self._began < limit_s:
            return False
        self.n_stuck += 1
        self._in_it = None
        self._busy = False
        self._worker = self._worker.another()
        self._ask()
        return True

    def _unless_left(self, ticket: object, after: Callable[[], None]) -> Callable[[], None]:
        def on_loop() -> None:
            if self._in_it is ticket:
                after()
            else:
                self.n_stuck -= 1

        return on_loop

    def _in_thread(
        self, scorer: Scores, batch: list[Job], data: list[Any], rows: list[int], n_rows: int
    ) -> Callable[[], None]:
        began = time.perf_counter()
        outcomes = scorer.score(data, rows)
        took_s = time.perf_counter() - began

        def after() -> None:
            self._busy = False
            self._finish(batch, outcomes, n_rows, took_s)

        return after

    def _finish(self, batch: list[Job], outcomes: list[Any], n_rows: int, took_s: float) -> None:
        self.pace.learn(took_s, n_rows)
        for job, outcome in zip(batch, outcomes, strict=True):
            job.end(outcome)
        if took_s > SLOW_S and self.scorer is not None and self.scorer.batches:
            self._linger(len(batch), took_s)
        elif self._waiting:
            self._ask()

    def _next(self, *, one: bool) -> tuple[list[Job], int]:
        """Take the next batch off the line; jobs that nobody waits for are dropped."""
        batch: list[Job] = []
        n_rows = 0
        most_jobs = 1 if one else self.max_jobs
        most_rows = self.pace.most_rows
        while self._waiting and len(batch) < most_jobs:
            job = self._waiting[0]
            if not job.over:
                if batch and n_rows + job.n_rows > most_rows:
                    break
                batch.append(job)
                n_rows += job.n_rows
            self._waiting.popleft()
        return batch, n_rows
