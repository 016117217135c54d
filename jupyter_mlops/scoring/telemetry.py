"""Telemetry: counters and histograms for Prometheus, and one JSON line per request."""

from __future__ import annotations

import os
import resource
import sys
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.core.service import LogLevel
from jupyter_mlops.scoring.otlp import Exporter
from jupyter_mlops.scoring.recording import Recorder

SECONDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Below a millisecond too: that is where the fast paths answer, and what is told of a bucket is no finer than its bounds."""
ROWS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096)
MOST_LINES: Final = 10_000
"""Lines kept for the next write; what comes beyond them is dropped and counted."""


MOST_BYTES: Final = 16_000_000
"""The same of their bytes."""
MOST_PRINTED_BYTES: Final = 2_000_000
"""What a script may print between two writes, which are a fifth of a second apart: it may print a gigabyte."""
LEVELS: Final[tuple[LogLevel, ...]] = get_args(LogLevel)
_CLIENTS_FAULT, _OURS = 400, 500


class LogNotWritable(Unavailable):
    """The log file cannot be opened."""

    code = "log-not-writable"


class Histogram:
    """Counts by upper bound, as Prometheus has them."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: str = "") -> list[str]:
        """Return the text exposition; ``labels`` are ``key="value"`` pairs."""
        total, lines, comma = 0, [], "," if labels else ""
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            lines.append(f'{name}_bucket{{{labels}{comma}le="{bound}"}} {total}')
        around = f"{{{labels}}}" if labels else ""
        return [*lines, f"{name}_sum{around} {self._sum:.9g}", f"{name}_count{around} {total}"]


class _Answered(msgspec.Struct, gc=False):
    """The line of a request, which is quicker to make and to write than a dict."""

    at: float
    level: LogLevel
    id: str
    route: str
    status: int
    ms: float
    bytes_in: int
    bytes_out: int


_encode: Final = msgspec.json.Encoder().encode


class Log:
    """JSON lines, gathered and written in one go, so that a request never waits for a disk.

    A file is made readable by its owner alone. What a full disk or a flood makes impossible to write is
    counted in ``dropped``.
    """

    def __init__(self, file: Path | None) -> None:
        """Open ``file`` to append to; without one the lines go to standard error. Raises ``LogNotWritable``."""
        self.dropped = 0
        self.level: LogLevel = "info"
        """Lines below it are not kept. May be changed at any time."""
        self.exporter: Exporter | None = None
        """Gets the lines too, as they are written."""
        self._lines: deque[bytes] = deque()
        self._n_bytes = self._n_printed = 0
        self._torn = False  # whether the disk was full in the middle of a line
        if file is None:
            self._fd = sys.stderr.fileno()
            return
        try:
            self._fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LogNotWritable(
                f"The log file {str(file)!r} cannot be opened: {error.strerror}.", hint="Name another with --log-file."
            ) from error

    def add(self, line: dict[str, Any] | _Answered) -> None:
        """Keep a line for the next ``write``."""
        if len(self._lines) >= MOST_LINES or self._n_bytes >= MOST_BYTES:
            self.dropped += 1
            return
        data = _encode(line)
        self._n_bytes += len(data)
        self._lines.append(data)

    def wants(self, level: LogLevel) -> bool:
        """Tell whether a line of that level is kept."""
        return level == self.level or LEVELS.index(level) >= LEVELS.index(self.level)

    def event(self, message: str, *, level: LogLevel = "info", **members: Any) -> None:
        """Keep a line about the replica itself."""
        if self.wants(level):
            self.add({"at": round(time.time(), 3), "level": level, "message": message, **members})

    def now(self, message: str, *, level: LogLevel = "info", **members: Any) -> None:
        """Write a line at once, from any thread: what a script prints before it ends the process is what matters."""
        if not self.wants(level):
            return
        data = msgspec.json.encode({"at": round(time.time(), 3), "level": level, "message": message, **members})
        self._n_printed += len(data)
        if self._n_printed > MOST_PRINTED_BYTES:
            self.dropped += 1
            return
        if self.exporter is not None:
            self.exporter.take([data])
        self._append(data + b"\n")

    def write(self) -> None:
        """Write what was kept."""
        self._n_printed = 0
        if not self._lines:
            return
        lines = [self._lines.popleft() for _ in range(len(self._lines))]  # other threads may add to it meanwhile
        self._n_bytes = 0
        if self.exporter is not None:
            self.exporter.take(lines)
        self._append(b"\n".join(lines) + b"\n")

    def _append(self, data: bytes) -> None:
        if self._torn:
            data = b"\n" + data
        try:
            n_written = os.write(self._fd, data)
        except OSError:
            n_written = 0
        if n_written < len(data):  # there is nowhere to say it but in /metrics
            self.dropped += data.count(b"\n", max(n_written, int(self._torn)))
        if n_written:
            self._torn = data[n_written - 1 : n_written] != b"\n"


class Telemetry:
    """What the replica counts."""

    def __init__(self, log: Log, gauges: Callable[[], dict[str, float]], recorder: Recorder) -> None:
        """``gauges`` gives names and values that are read when asked for."""
        self.log = log
        self._recorder = recorder
        self._gauges = gauges
        self._requests: dict[tuple[str, int], int] = {}
        self._seconds: dict[str, Histogram] = {}
        self._batches = Histogram(ROWS)
        self._rows = 0
        self._started = time.time()

    def request(
        self, *, route: str, status: int, took_s: float, request_id: str, n_in: int, n_out: int, quiet: bool
    ) -> None:
        """Count an answer and log it; a ``quiet`` one (a health check that is well) is counted alone."""
        key = (route, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        histogram = self._seconds.get(route)
        if histogram is None:
            histogram = self._seconds[route] = Histogram(SECONDS)
        histogram.observe(took_s)
        level: LogLevel = "info" if status < _CLIENTS_FAULT else "warning" if status < _OURS else "error"
        if not quiet and self.log.wants(level):
            at, ms = int(time.time() * 1e3) / 1e3, int(took_s * 1e6) / 1e3  # round() costs as much as all the rest
            self.log.add(_Answered(at, level, request_id, route, status, ms, n_in, n_out))

    def batch(self, n_requests: int, n_rows: int) -> None:
        """Count a batch."""
        self._batches.observe(n_requests)
        self._rows += n_rows

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format 0.0.4."""
        lines = ["# HELP mlops_requests_total Answers by route and status.", "# TYPE mlops_requests_total counter"]
        for (route, status), count in sorted(self._requests.items()):
            lines.append(f'mlops_requests_total{{route="{route}",status="{status}"}} {count}')
        lines += ["# HELP mlops_request_seconds From the first byte of a request to its answer."]
        lines += ["# TYPE mlops_request_seconds histogram"]
        for route, histogram in sorted(self._seconds.items()):
            lines += histogram.lines("mlops_request_seconds", f'route="{route}"')
        lines += ["# HELP mlops_batch_requests Requests scored together.", "# TYPE mlops_batch_requests histogram"]
        lines += self._batches.lines("mlops_batch_requests")
        lines += _one("mlops_rows_total", "counter", "Rows scored.", self._rows)
        lines += _one("mlops_log_dropped_total", "counter", "Log lines that could not be written.", self.log.dropped)
        kept, dropped = self._recorder.n_kept, self._recorder.dropped
        lines += _one("mlops_telemetry_kept_total", "counter", "Requests kept as telemetry.", kept)
        lines += _one("mlops_telemetry_dropped_total", "counter", "Requests that could not be kept.", dropped)
        if self.log.exporter is not None:
            sent, lost = self.log.exporter.n_sent, self.log.exporter.dropped
            lines += _one("mlops_otlp_sent_total", "counter", "Log lines that a collector took.", sent)
            lines += _one("mlops_otlp_dropped_total", "counter", "Log lines that no collector got.", lost)
        for name, value in self._gauges().items():
            lines += _one(name, "gauge", "As it is now.", value)
        used = resource.getrusage(resource.RUSAGE_SELF)
        lines += _one("process_cpu_seconds_total", "counter", "CPU time.", used.ru_utime + used.ru_stime)
        lines += _one("process_start_time_seconds", "gauge", "Start, in seconds since the epoch.", self._started)
        lines += _one("process_resident_memory_bytes", "gauge", "Resident memory.", _resident())
        return ("\n".join(lines) + "\n").encode()


def _one(name: str, kind: str, words: str, value: float) -> list[str]:
    return [f"# HELP {name} {words}", f"# TYPE {name} {kind}", f"{name} {value:.15g}"]


def _resident() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
