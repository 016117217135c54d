"""Recording: what was asked and answered, kept beside the answers without slowing them."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.telemetry import About, Scored, Telemetry
from jupyter_mlops.scoring.codec import media_of
from jupyter_mlops.scoring.exchange import JSON, Exchange
from jupyter_mlops.scoring.hiding import Hider, Unplaced
from jupyter_mlops.scoring.spool import Spool

KEY_FILE: Final = "telemetry-key.json"
"""Beside the digests: what values are hashed with, a string."""
MOST_BYTES: Final = 32_000_000
"""Of requests and answers that wait to be written; what comes beyond is dropped and counted."""
SMALL_BYTES: Final = 8_192
"""A request and its answer of less become a line at once; of more in the thread."""
LARGEST_BYTES: Final = 1_000_000
"""Inputs or outputs larger than this are left out."""
AT_ONCE: Final = 64
"""Records made between two moments at which other threads may run: an answer never waits for more."""
AT_ONCE_HIDDEN: Final = 8
"""The same where columns are hidden, which takes some ten times as long."""
END_S: Final = 5.0
NO_FIELDS: Final[Mapping[str, msgspec.Raw]] = {}
_OK, _REFUSED, _FAILED = 200, 400, 500
_NULL: Final = msgspec.Raw(b"null")
_Kept = tuple[float, bytes, str, int, float, int, bytes, bytes, bytes, int, Mapping[str, msgspec.Raw]]
"""When, id, route, status, seconds, rows, content type, body, answer with its head, length of its body, fields."""


class _Line(msgspec.Struct):
    """What ``Scored`` has of a request with nothing odd about it, as nearly all are: a third of the cost."""

    at: float
    id: str
    route: str
    status: int
    ms: float
    rows: int
    inputs: msgspec.Raw
    outputs: msgspec.Raw


class Recorder:
    """Keeps requests: the event loop appends them to a queue, and a thread compresses and writes them.

    It raises nothing. What does not fit into memory or onto the disk is dropped and counted.
    """

    def __init__(
        self, folder: Path | None, manifest: Manifest, about: About, keys: Path, *, say: Callable[[str], None]
    ) -> None:
        """Record into ``folder``; without one nothing is kept, whatever the settings are."""
        self.takes = False
        """Whether requests are kept at all; looked at for each of them."""
        self.n_kept = 0
        self.n_dropped = 0
        self._folder = folder
        self._keys = keys
        self._say = say
        self._columns = [column.name for column in manifest.schema.columns]
        self._ends = _ends(manifest, about)
        self._hider = Hider(Telemetry(), [], b"")
        self._sample = 1.0
        self._hides = False
        self._queue: deque[tuple[int, _Kept | bytes]] = deque()  # with the bytes that each counts for
        self._bytes_in = 0  # counted by the loop
        self._bytes_out = 0  # counted by the thread
        self._dropped_on_disk = 0  # the same
        self._wake = threading.Event()
        self._ending = False
        self._told = ""
        self._spool: Spool | None = None
        self._thread: threading.Thread | None = None
        self._encode = msgspec.json.Encoder().encode
        self._check = msgspec.json.Decoder(msgspec.Raw).decode

    @property
    def dropped(self) -> int:
        """How many requests should have been kept and were not."""
        return self.n_dropped + self._dropped_on_disk

    def configure(self, settings: Telemetry) -> None:
        """Take settings over, for what is recorded from now on."""
        if self._folder is None:
            return
        self._sample = settings.sample
        self._hider = Hider(settings, self._columns, self._secret(settings))
        self._hides = bool(self._hider)
        self.takes = settings.enabled and settings.sample > 0
        if self.takes and self._thread is None:
            self._spool = Spool(self._folder)
            self._thread = threading.Thread(target=self._run, args=(self._spool,), name="telemetry", daemon=True)
            self._thread.start()

    def add(self, exchange: Exchange, status: int, took_s: float, n_out: int) -> None:
        """Keep a request that was answered, or not, as the lot falls. Costs about a microsecond."""
        if self._sample < 1.0 and random.random() >= self._sample:  # noqa: S311 - a sample, no secret
            return
        body, out = exchange.body, exchange.out or b""
        size = len(body) + len(out)
        if self._bytes_in - self._bytes_out + size > MOST_BYTES:
            self.n_dropped += 1
            return
        self._bytes_in += size
        media = exchange.headers.get(b"content-type", b"")
        # A copy: a script that was given up may go on adding to its own.
        fields = NO_FIELDS if exchange.scope is None else exchange.scope.fields.copy()
        kept = (
            time.time(), exchange.request_id, exchange.route.name, status, took_s, exchange.n_rows, media,
            body, out, n_out, fields,
        )  # fmt: skip
        usual = status == _OK and media == JSON and size < SMALL_BYTES and not (fields or self._hides)
        self._queue.append((size, (usual and self._usual(kept)) or kept))

    def _usual(self, kept: _Kept) -> bytes:
        """Return a request's line, made at once; empty when there is something odd about it.

        The thread would need the interpreter for as long, in one go, and an answer might have to wait for that.
        """
        at, request_id, route, status, took_s, rows, _, body, out, n_out, _ = kept
        if b"\n" in body or b"\r" in body:
            return b""
        answer = out[len(out) - n_out :]
        try:
            self._check(body)
            self._check(answer)
            line = _Line(
                int(at * 1e6) / 1e6, request_id.decode(), route, status, int(took_s * 1e6) / 1e3, rows,
                msgspec.Raw(body), msgspec.Raw(answer),
            )  # fmt: skip
        except (ValueError, RecursionError, msgspec.MsgspecError):
            return b""
        return bytes(self._encode(line)[:-1] + self._ends)

    def tick(self) -> None:
        """Let the thread write what has come. On the event loop, now and then."""
        if self._queue or (self._spool is not None and self._spool.is_open):
            self._wake.set()

    def end(self) -> None:
        """Write what is there and publish it, within seconds."""
        if self._thread is not None:
            self.takes = False
            self._ending = True
            self._wake.set()
            self._thread.join(END_S)

    def _run(self, spool: Spool) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            ending = self._ending
            if self._queue:
                self._write(spool)
            spool.publish() if ending else spool.rotate()
            if ending:
                return

    def _write(self, spool: Spool) -> None:
        made, waiting = 0, len(self._queue)

        def chunks() -> Iterator[bytes]:
            nonlocal made
            left = waiting
            while left:
                kept = self._taken(min(AT_ONCE_HIDDEN if self._hides else AT_ONCE, left))
                left -= len(kept)
                lines = [line for line in map(self._line, kept) if line]
                made += len(lines)
                yield b"".join(lines)  # while it is compressed, other threads run

        try:
            spool.write(chunks())
        except OSError as error:
            lost = self._taken(min(len(self._queue), max(0, waiting - made)))
            self._dropped_on_disk += made + len(lost)
            self._tell(f"telemetry cannot be written: {error.strerror or error}")
        else:
            self.n_kept += made
            self._told = ""

    def _taken(self, n: int) -> list[_Kept | bytes]:
        kept = [self._queue.popleft() for _ in range(n)]
        self._bytes_out += sum(size for size, _ in kept)
        return [one for _, one in kept]

    def _line(self, kept: _Kept | bytes) -> bytes:
        """Return a request as one line of JSON; empty, and counted, when it cannot be made."""
        if isinstance(kept, bytes):
            return kept
        at, request_id, route, status, took_s, rows, media, body, out, n_out, fields = kept
        try:
            inputs, why = self._inputs(media, body, status)
            outputs, why_not = self._outputs(out[len(out) - n_out :], status)
            line = self._encode(
                Scored(
                    at=int(at * 1e6) / 1e6,  # round() costs more than all the rest
                    id=request_id.decode("ascii", "replace"),
                    route=route,
                    status=status,
                    ms=int(took_s * 1e6) / 1e3,
                    rows=rows,
                    inputs=inputs,
                    outputs=outputs,
                    collected=self._fields(fields) if fields else {},
                    left_out=", ".join(filter(None, (why, why_not))),
                )
            )
        except Exception as error:  # noqa: BLE001 - one odd request must not end the telemetry of all others
            self._dropped_on_disk += 1
            self._tell(f"a request could not be recorded: {type(error).__name__}")
            return b""
        return line[:-1] + self._ends

    def _inputs(self, media: bytes, body: bytes, status: int) -> tuple[msgspec.Raw, str]:
        """Return a body as JSON, or why it is left out."""
        refused = self._hides and _REFUSED <= status < _FAILED
        if refused or len(body) > LARGEST_BYTES:
            why = "of a refused request, which may hold hidden values anywhere" if refused else f"{len(body)} bytes"
            return _NULL, f"inputs: {why}"
        try:
            kind = media_of(media)
            if kind == "json":
                return self._json(body, self._hider.inputs), ""
            if kind == "csv":
                text = body.decode()
                return msgspec.Raw(self._encode(self._hider.table(text) if self._hider else text)), ""
        except (MlopsError, ValueError, msgspec.MsgspecError, RecursionError):
            return (_NULL, "inputs: not readable") if self._hider or status == _OK else (self._as_text(body), "")
        except Unplaced:
            return _NULL, "inputs: columns that cannot be told apart, while some are hidden"
        return _NULL, f"inputs: {len(body)} bytes of {media.decode('latin-1')[:80]}"

    def _outputs(self, body: bytes, status: int) -> tuple[msgspec.Raw, str]:
        if len(body) > LARGEST_BYTES:
            return _NULL, f"outputs: {len(body)} bytes"
        if self._hider and status != _OK:
            return _NULL, "outputs: an error's words may have hidden values"
        try:
            return self._json(body, self._hider.named), ""
        except (ValueError, msgspec.MsgspecError, RecursionError, Unplaced):
            return _NULL, f"outputs: {len(body)} bytes that are not JSON"

    def _json(self, body: bytes, hide: Callable[[Any], Any]) -> msgspec.Raw:
        if self._hider:
            return msgspec.Raw(self._encode(hide(msgspec.json.decode(body))))
        body.decode()  # the check below looks into no string
        found = bytes(self._check(body))
        return msgspec.Raw(found.translate(_ONE_LINE) if b"\n" in found or b"\r" in found else found)

    def _as_text(self, body: bytes) -> msgspec.Raw:
        return msgspec.Raw(self._encode(body.decode("utf-8", "replace")))

    def _fields(self, fields: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
        if not self._hider:
            return dict(fields)
        hidden = self._hider.named({name: msgspec.json.decode(value) for name, value in fields.items()})
        return {name: msgspec.Raw(self._encode(value)) for name, value in hidden.items()}

    def _tell(self, line: str) -> None:
        """Say something once, not again for every request that it happens to."""
        if line != self._told:
            self._told = line
            self._say(line)

    def _secret(self, settings: Telemetry) -> bytes:
        if not settings.hash:
            return b""
        try:
            return msgspec.json.decode((self._keys / KEY_FILE).read_bytes(), type=str).encode()
        except (OSError, msgspec.MsgspecError) as error:
            self._say(f"{self._keys / KEY_FILE} cannot be read, columns to be hashed are left out: {error}")
            return b""


_ONE_LINE: Final = bytes.maketrans(b"\r\n", b"  ")
"""In JSON, line breaks stand only between values."""


def _ends(manifest: Manifest, about: About) -> bytes:
    """Return how each line ends: what is the same for all requests of a replica."""
    model = next((f"{each.name}:{each.version}" for each in manifest.models), "")
    same = {
        "service": about.service,
        "deployment": about.deployment,
        "replica": about.replica,
        "manifest": manifest.ref,
        "model": model,
    }
    return b"," + msgspec.json.encode({key: text for key, text in same.items() if text})[1:] + b"\n"
