"""OTLP: log lines sent to a collector over HTTP as JSON, beside the log itself, without a request waiting for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from jupyter_mlops.core.telemetry import About

PATH: Final = "/v1/logs"
MOST_LINES: Final = 20_000
"""Lines that wait for a collector; what comes beyond them is dropped and counted."""
MOST_BYTES: Final = 16_000_000
AT_ONCE: Final = 1000
GATHER_S: Final = 0.5
TIMEOUT_S: Final = 10.0
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
"""After a collector did not take a batch; each pause is twice the one before."""
END_S: Final = 2.0
AGAIN: Final = frozenset({429, 502, 503, 504})
"""The statuses after which OTLP asks to try again."""
SEVERITY: Final = {"info": 9, "warning": 13, "error": 17}
NAMES: Final = {
    "id": "request.id",
    "route": "http.route",
    "status": "http.response.status_code",
    "bytes_in": "http.request.body.size",
    "bytes_out": "http.response.body.size",
    "ms": "duration_ms",
    "stack": "exception.stacktrace",
}
"""What members of a line are called there, by OpenTelemetry's conventions where it has any."""
_GOOD: Final = range(200, 300)


class Exporter:
    """Sends lines from a thread of its own, and tries again while nobody answers. Raises nothing.

    What does not fit into memory, and what the collector refuses, is dropped and counted.
    """

    def __init__(self, about: About, *, manifest: str, model: str) -> None:
        """Send nothing until there is an endpoint."""
        self.n_sent = 0
        self._dropped_here = 0
        self._dropped_there = 0  # counted by the thread
        self._endpoint = ""
        self._lines: deque[bytes] = deque()
        self._bytes_in = 0
        self._bytes_out = 0
        self._wake, self._changed = threading.Event(), threading.Event()
        self._ending = False
        self._thread: threading.Thread | None = None
        names = {
            "service.name": about.service or manifest.partition(":")[0],
            "service.version": model,
            "service.instance.id": about.replica,
            "mlops.deployment": about.deployment,
            "mlops.manifest": manifest,
        }
        self._resource = {"attributes": _attributes({name: text for name, text in names.items() if text})}

    @property
    def dropped(self) -> int:
        """How many lines no collector has got."""
        return self._dropped_here + self._dropped_there

    def configure(self, endpoint: str) -> None:
        """Send to ``endpoint`` from now on, or, when it is empty, nowhere."""
        if endpoint == self._endpoint:
            return
        self._endpoint = endpoint
        if endpoint and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)
            self._thread.start()
        self._changed.set()  # a pause that was for another endpoint is over

    def take(self, lines: Sequence[bytes]) -> None:
        """Take lines of the log, from any thread."""
        if not self._endpoint:
            return
        for line in lines:
            if len(self._lines) >= MOST_LINES or self._bytes_in - self._bytes_out > MOST_BYTES:
                self._dropped_here += 1
            else:
                self._bytes_in += len(line)
                self._lines.append(line)
        self._wake.set()

    def end(self) -> None:
        """Send what is left, within seconds."""
        if self._thread is not None:
            self._ending = True
            self._wake.set()
            self._changed.set()
            self._thread.join(END_S)

    def _run(self) -> None:
        while not self._ending:
            self._wake.wait()
            self._wake.clear()
            if not self._ending:
                time.sleep(GATHER_S)
            while self._lines:
                batch = [self._lines.popleft() for _ in range(min(AT_ONCE, len(self._lines)))]
                self._bytes_out += sum(map(len, batch))
                if not self._deliver(batch):
                    return

    def _deliver(self, batch: Sequence[bytes]) -> bool:
        """Send a batch however long it takes; returns whether there is time for more."""
        body = msgspec.json.encode(self._request(batch))
        pause_s = FIRST_PAUSE_S
        while self._endpoint:
            try:
                status, wait_s, n_refused = _post(self._endpoint, body)
            except Exception:  # noqa: BLE001 - an address that cannot be, a certificate that is wrong, nobody there
                status, wait_s, n_refused = 0, 0.0, 0
            if status in _GOOD:
                self.n_sent += len(batch) - n_refused
                self._dropped_there += n_refused
                return True
            if status and status not in AGAIN:
                break
            if self._ending:
                self._dropped_there += len(batch)
                return False
            self._changed.wait(min(max(pause_s, wait_s), LONGEST_PAUSE_S))
            self._changed.clear()
            pause_s *= 2
        self._dropped_there += len(batch)
        return True

    def _request(self, batch: Sequence[bytes]) -> dict[str, Any]:
        records = [_record(msgspec.json.decode(line)) for line in batch]
        scope = {"scope": {"name": "jupyter_mlops.scoring"}, "logRecords": records}
        return {"resourceLogs": [{"resource": self._resource, "scopeLogs": [scope]}]}


def _post(endpoint: str, body: bytes) -> tuple[int, float, int]:
    """Return the status, for how long not to try again, and how many lines were refused of those that were taken."""
    import http.client  # late: a replica without an endpoint need not carry it

    url = urlsplit(endpoint)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=TIMEOUT_S)
    path = url.path.rstrip("/")
    try:
        connection.request(
            "POST", path if path.endswith(PATH) else path + PATH, body, {"content-type": "application/json"}
        )
        answer = connection.getresponse()
        content = answer.read(65_536)
    finally:
        connection.close()
    after = answer.getheader("retry-after") or ""
    return answer.status, float(after) if after.isdecimal() else 0.0, _n_refused(content)


def _n_refused(content: bytes) -> int:
    try:
        return int(msgspec.json.decode(content)["partialSuccess"]["rejectedLogRecords"])
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
        return 0


def _record(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line of the log as OTLP's JSON has it: numbers of 64 bits are strings there."""
    at, level = str(int(line.pop("at", time.time()) * 1e9)), line.pop("level", "info")
    message = line.pop("message", None) or f"{line.get('route', '')} {line.get('status', '')}".strip()
    return {
        "timeUnixNano": at,
        "observedTimeUnixNano": at,
        "severityNumber": SEVERITY.get(level, 9),
        "severityText": level.upper(),
        "body": {"stringValue": message},
        "attributes": _attributes({NAMES.get(name, name): value for name, value in line.items()}),
    }


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value if isinstance(value, str) else msgspec.json.encode(value).decode()}
