"""Taps: hearing everything that a cell puts out, from every thread and child process, without taking it away."""

from __future__ import annotations

import base64
import binascii
import json
import select
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from jupyter_mlops.core.errors import MlopsError

FLUSH_S: Final = 0.5

# What is stored of a rich output: its best form, in this order.
FORMS: Final = (
    ("image/svg+xml", "svg"),
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/gif", "gif"),
    ("application/vnd.plotly.v1+json", "plotly.json"),
    ("application/vnd.vegalite.v5+json", "vegalite.json"),
    ("text/html", "html"),
    ("text/latex", "tex"),
    ("text/markdown", "md"),
    ("application/json", "json"),
    ("text/plain", "txt"),
)
_BINARY: Final = frozenset({"png", "jpg", "gif"})
OWN_MIME: Final = "application/vnd.mlops"
_ENDED: Final[set[str]] = set()
"""The cells whose runs have ended: what a task of theirs goes on to write belongs to no later run. A thread's output is
that of the cell that runs, as ipykernel shows it."""


class Ear(Protocol):
    """Who listens."""

    def write(self, stream: str, text: str) -> None:
        """Hear a piece of ``stdout`` or ``stderr``."""

    def display(self, suffix: str, data: bytes) -> None:
        """Hear a rich output, in its best form."""


def hear(bundle: Mapping[str, Any], ear: Ear) -> None:
    """Pass on the best form of a MIME bundle. Our own cards are not outputs of the user's code."""
    if any(mime.startswith(OWN_MIME) for mime in bundle):
        return
    for mime, suffix in FORMS:
        if mime not in bundle:
            continue
        value = bundle[mime]
        if suffix in _BINARY and isinstance(value, str):
            try:
                value = base64.b64decode(value)
            except binascii.Error:
                continue
        elif not isinstance(value, (str, bytes)):
            value = json.dumps(value)
        ear.display(suffix, value if isinstance(value, bytes) else value.encode())
        return


class KernelTap:
    """Hears what an ipykernel sends: every stream, display and result passes its session's ``send``."""

    def __init__(self, kernel: Any, ear: Ear) -> None:
        self.trouble: Exception | None = None
        self.watcher: Callable[[str, Mapping[str, Any]], None] | None = None
        """Is told every message too, by its type and content."""
        self._cell = _message_id(kernel.get_parent("shell").get("header"))
        self._session = kernel.session
        self._ear = ear
        self._began_at = [_reader_s(stream) for stream in (sys.stdout, sys.stderr)]
        self._send: Callable[..., Any] = self._session.send
        self._session.send = self._heard

    def _heard(self, stream: Any, msg_or_type: Any, content: Any = None, *args: Any, **options: Any) -> Any:
        try:
            if isinstance(msg_or_type, dict):
                if _message_id(msg_or_type.get("parent_header")) in _ENDED:
                    return self._send(stream, msg_or_type, content, *args, **options)
                self._hear(msg_or_type.get("msg_type"), msg_or_type.get("content"))
            else:
                self._hear(msg_or_type, content)
        except (MlopsError, OSError, ValueError) as error:
            self.trouble = error  # what cannot be stored is still shown
        return self._send(stream, msg_or_type, content, *args, **options)

    def _hear(self, kind: Any, body: Any) -> None:
        if self.watcher is not None and kind is not None:
            self.watcher(kind, body or {})
        if body and kind == "stream":
            self._ear.write(body["name"], body["text"])
        elif body and kind in {"display_data", "execute_result"}:
            hear(body["data"], self._ear)

    def close(self) -> None:
        """Wait until what was written has been heard, and stop listening."""
        deadline = time.monotonic() + FLUSH_S
        for stream in (sys.stdout, sys.stderr):
            pipe = getattr(stream, "_fid", None)  # where child processes write; ipykernel reads it in a thread
            while pipe is not None and time.monotonic() < deadline and select.select([pipe], [], [], 0)[0]:
                time.sleep(0.001)
        if [_reader_s(stream) for stream in (sys.stdout, sys.stderr)] != self._began_at:
            time.sleep(0.005)  # read from the pipe is not yet written to the stream
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        if "send" in self._session.__dict__:
            del self._session.send
        if self._cell:
            _ENDED.add(self._cell)


def _reader_s(stream: Any) -> float:
    """Return the CPU time of the thread that reads what child processes write: if it took none, it read nothing.

    Where the system does not tell, no time equals another.
    """
    reader = getattr(stream, "watch_fd_thread", None)
    if reader is None or reader.ident is None or not reader.is_alive():
        return 0.0
    try:
        return time.clock_gettime(time.pthread_getcpuclockid(reader.ident))
    except (AttributeError, OSError):
        return time.monotonic()


def _message_id(header: Any) -> str:
    return str(header.get("msg_id", "")) if isinstance(header, dict) else ""


class TerminalTap:
    """Hears what a plain IPython puts out: the two streams, displays and results."""

    def __init__(self, shell: Any, ear: Ear) -> None:
        self.trouble: Exception | None = None
        self._shell = shell
        self._ear = ear
        self._streams = (sys.stdout, sys.stderr)
        sys.stdout = _Tee(sys.stdout, lambda text: self._heard("stdout", text))
        sys.stderr = _Tee(sys.stderr, lambda text: self._heard("stderr", text))
        self._publish = shell.display_pub.publish
        shell.display_pub.publish = self._published

    def _heard(self, stream: str, text: str) -> None:
        try:
            self._ear.write(stream, text)
        except (MlopsError, OSError, ValueError) as error:
            self.trouble = error  # what cannot be stored is still shown

    def _published(self, data: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        try:
            hear(data, self._ear)
        except (MlopsError, OSError, ValueError) as error:
            self.trouble = error  # what cannot be stored is still shown
        return self._publish(data, *args, **options)

    def close(self) -> None:
        """Stop listening."""
        for name, ours, original in zip(("stdout", "stderr"), (sys.stdout, sys.stderr), self._streams, strict=True):
            if isinstance(ours, _Tee):
                setattr(sys, name, original)
        if "publish" in self._shell.display_pub.__dict__:
            del self._shell.display_pub.publish


class _Tee:
    """A text stream that also tells somebody what passes."""

    def __init__(self, stream: Any, tell: Callable[[str], None]) -> None:
        self._stream = stream
        self._tell = tell

    def write(self, text: str) -> int:
        self._tell(text)
        return int(self._stream.write(text) or 0)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
