"""One request and its answer, and what a connection asks of the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.record import encode, plain
from jupyter_mlops.scoring.collect import Scope
from jupyter_mlops.scoring.limits import BodyTooLarge

if TYPE_CHECKING:
    from jupyter_mlops.scoring.protocol import Connection

JSON: Final = b"application/json"
PROBLEM: Final = b"application/problem+json"
Header = tuple[bytes, bytes]


class Exchange:
    """One request, and the place of its answer in the order of its connection."""

    __slots__ = (
        "_body",
        "_connection",
        "headers",
        "keep_alive",
        "method",
        "n_in",
        "n_rows",
        "on_lost",
        "out",
        "path",
        "refused",
        "request_id",
        "route",
        "scope",
        "started",
    )

    def __init__(
        self, connection: Connection, method: bytes, path: bytes, headers: dict[bytes, bytes], *, keep_alive: bool
    ) -> None:
        self._connection = connection
        self._body: bytes | bytearray = b""
        self.method = method
        self.path = path
        self.headers = headers
        self.keep_alive = keep_alive
        self.started = connection.touched
        self.request_id = b""
        self.route: Any = None
        """What the application found for the path."""
        self.refused: MlopsError | None = None
        """Why it will not be answered otherwise; its body is not kept."""
        self.n_in = 0
        self.n_rows = 0
        self.scope: Scope | None = None
        """Set where a script answers, which may add fields to it."""
        self.on_lost: Callable[[], None] | None = None
        """Called when the client is gone and nobody waits for the answer."""
        self.out: bytes | None = None

    @property
    def body(self) -> bytes:
        """The whole body."""
        if isinstance(self._body, bytearray):
            self._body = bytes(self._body)
        return self._body

    def take(self, part: bytes, max_body_bytes: int) -> None:
        """Keep a part of the body, or refuse the request when there is too much of it."""
        self.n_in += len(part)
        if self.refused is not None:
            return
        if self.n_in > max_body_bytes:
            self.refuse(BodyTooLarge(max_body_bytes), at_once=True)
        elif not self._body:
            self._body = part
        else:
            if not isinstance(self._body, bytearray):
                self._body = bytearray(self._body)  # a list of parts of two bytes would take thirty times as much
            self._body += part

    def refuse(self, error: MlopsError, *, at_once: bool = False) -> None:
        """Answer with a problem when the body has been read; ``at_once`` before, which ends the connection."""
        self.refused = error
        self._body = b""
        if at_once and self.out is None:
            self.keep_alive = False
            self.fail(error)

    def answer(self, status: int, body: bytes, media: bytes = JSON, headers: tuple[Header, ...] = ()) -> None:
        """Write the answer as soon as those before it are written. Later calls do nothing."""
        if self.out is None and not self._connection.gone:
            self._connection.answered(self, status, body, media, headers)

    def fail(self, error: MlopsError, **members: Any) -> None:
        """Answer with a problem; ``members`` are added to it."""
        if self.path.startswith(b"/v2/"):
            members = {"error": error.message, **members}  # where clients of the Open Inference Protocol look for it
        status, body, headers = self._connection.app.problem(error, members)
        self.answer(status, body, PROBLEM, headers)


class App(Protocol):
    """What a connection asks."""

    max_body_bytes: int
    date: bytes
    """The ``date`` header's value."""
    connections: set[Connection]

    @property
    def draining(self) -> bool:
        """Whether connections end with their next answer."""

    def begin(self, exchange: Exchange) -> None:
        """Look at a head that is complete: find its route, or refuse it. Raises nothing."""

    def handle(self, exchange: Exchange) -> None:
        """Answer a request that is complete, now or later. Raises nothing."""

    def problem(self, error: MlopsError, members: dict[str, Any]) -> tuple[int, bytes, tuple[Header, ...]]:
        """Return an error as status, body and headers."""

    def done(self, exchange: Exchange, status: int, n_out: int) -> None:
        """Count an answer."""

    def new_id(self) -> bytes:
        """Return an id for a request that carries none."""


def problem_body(error: MlopsError, members: dict[str, Any]) -> bytes:
    """Return an error as ``application/problem+json``."""
    return encode({**plain(error.problem()), **getattr(error, "members", {}), **members})
