"""Limits: how many requests are in here at once, for how long, and how large they may be."""

from __future__ import annotations

from typing import Final

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.service import Limits
from jupyter_mlops.scoring.batching import Job

MAX_HEAD_BYTES: Final = 32_768
MAX_HEADERS: Final = 100
MAX_PIPELINED: Final = 64
"""Requests of one connection that wait for their answer before it is read no further."""
ARRIVE_S: Final = 60.0
"""A request that has not arrived whole by then is given up and its connection closed."""
IDLE_S: Final = 120.0
"""A connection between requests is closed after this."""
LINGER_S: Final = 5.0
"""After an answer that ends a connection early, what still arrives is read and dropped for so long."""
DRAIN_S: Final = 25.0
"""After SIGTERM, answers that take longer are given up; hosts kill after 30 s."""
RETRY_AFTER_S: Final = 1
GRACE_S: Final = 0.5
"""A batch that takes so much longer than an answer may is taken for one that hangs."""
MOST_STUCK: Final = 4
"""With so many threads in batches that do not end, a replica ends itself; its host starts it again."""


class TooManyRequests(MlopsError):
    """The replica is full."""

    code, status = "too-many-requests", 429

    def __init__(self, limits: Limits) -> None:
        super().__init__(
            f"This replica is full: {limits.max_concurrent} requests are being scored"
            f" and {limits.max_queue} wait (max_concurrent, max_queue).",
            hint=f"Try again after {RETRY_AFTER_S} s; more replicas or higher limits let more in.",
        )


class BodyTooLarge(MlopsError):
    """A body over the limit."""

    code, status = "body-too-large", 413

    def __init__(self, max_body_bytes: int) -> None:
        super().__init__(
            f"The body is larger than the {max_body_bytes} bytes this service takes (max_body_bytes).",
            hint="Send fewer rows in one request.",
        )


class HeadTooLarge(MlopsError):
    """Request line and headers over the limit."""

    code, status = "headers-too-large", 431

    def __init__(self) -> None:
        super().__init__(
            f"The request line and headers are larger than {MAX_HEAD_BYTES} bytes or more than {MAX_HEADERS} headers.",
            hint="Send data in the body.",
        )


class TooSlow(MlopsError):
    """An answer that did not come in time."""

    code, status = "timeout", 504

    def __init__(self, timeout_s: float) -> None:
        super().__init__(
            f"The model did not answer within {timeout_s:g} s (timeout_s).",
            hint="Send fewer rows in one request, or raise the limit.",
        )


class Gate:
    """The requests that are in: at most ``max_concurrent`` being scored and ``max_queue`` waiting beyond those."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        """May be replaced at any time; what is in already stays in."""
        self._in: dict[Job, float] = {}  # in the order they came, so that the oldest is first

    def __len__(self) -> int:
        return len(self._in)

    def check(self) -> None:
        """Return when there is room for one more. Raises ``TooManyRequests``."""
        if len(self._in) >= self.limits.max_concurrent + self.limits.max_queue:
            raise TooManyRequests(self.limits)

    def enter(self, job: Job, now: float) -> None:
        """Count a job in; ``now`` in seconds of the loop's clock."""
        self._in[job] = now

    def leave(self, job: Job) -> None:
        """Count it out."""
        self._in.pop(job, None)

    def expire(self, now: float) -> None:
        """End what has been in for longer than ``timeout_s``."""
        limit = self.limits.timeout_s
        while self._in:
            job, since = next(iter(self._in.items()))
            if now - since < limit:
                return
            del self._in[job]
            job.end(TooSlow(limit))
