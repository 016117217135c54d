"""HTTP/1.1 with httptools: requests are framed, their answers keep the order of the requests, heads and bodies have limits."""

from __future__ import annotations

import asyncio
import http
import socket
import time
from collections import deque
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import httptools

from jupyter_mlops.core.errors import BadInput, MlopsError
from jupyter_mlops.scoring.exchange import App, Exchange, Header
from jupyter_mlops.scoring.limits import (
    LINGER_S,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_PIPELINED,
    BodyTooLarge,
    HeadTooLarge,
)

STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus
}
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class BadRequest(BadInput):
    """What arrived is not HTTP."""

    code = "bad-request"


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.gone = False
        self.touched = time.monotonic()
        """When the client was last heard or answered."""
        self.lingers = False
        """Whether what arrives is dropped until the client closes."""
        self._deaf = False
        """Whether it is not even framed, since there is no framing it."""
        self._transport: Any = None
        self._exchanges: deque[Exchange] = deque()
        self._paused = False
        self._write_full = False
        self._ended = False
        self._current: Exchange | None = None
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._n_headers = self._head_bytes = 0
        self._arrived = 0
        """Bytes since the last request that are not known to belong to a body."""
        self._began = 0.0
        """When the request that is arriving began, 0 between requests."""
        self._resumed = False
        """Whether the head was read already, by the parser before this one."""
        self._closing: asyncio.TimerHandle | None = None
        """Set while it lingers."""
        self._left, self._left_at = -1, 0.0
        """How many bytes are written and not sent, and since when there are so many."""
        self._parser: Any = None
        self._restart()

    # -- what asyncio calls

    def connection_made(self, transport: Any) -> None:
        """Take a new client."""
        self._transport = transport
        self.app.connections.add(self)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in {socket.AF_INET, socket.AF_INET6}:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget a client that is gone."""
        self.gone = True
        self.app.connections.discard(self)
        for exchange in self._exchanges:
            if exchange.on_lost is not None and exchange.out is None:
                exchange.on_lost()
        self._exchanges.clear()
        self._current = None
        # It and the parser refer to each other; what the collector has to find stays for a long time.
        self._parser = None
        if self._closing is not None:
            self._closing.cancel()

    def data_received(self, data: bytes) -> None:
        """Take what arrived, in whatever pieces."""
        self.touched = time.monotonic()
        if self._deaf:
            return
        if self._current is None:
            if self.lingers:
                return
            self._arrived += len(data)
        self._feed(data)
        if self._current is None and self._arrived > MAX_HEAD_BYTES and not self.lingers:
            self._reject(HeadTooLarge())
        self._flow()

    def eof_received(self) -> bool:
        """Keep a half-closed connection until its answers are written."""
        self._ended = True
        return bool(self._exchanges) and self._current is None and not self.lingers

    def pause_writing(self) -> None:
        """Read no more from a client that does not read its answers."""
        self._write_full = True
        self._flow()

    def resume_writing(self) -> None:
        """Go on reading."""
        self._write_full = False
        self._flow()

    # -- what httptools calls

    def on_message_begin(self) -> None:
        """Begin a request."""
        if not self._resumed:
            self._began = self.touched
            self._arrived = self._head_bytes = 0
            self._url = b""
            self._headers = {}
            self._n_headers = 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        if not self._resumed:
            self._url += url
            self._head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or count one behind a chunked body, which is of no use here."""
        if self._resumed:
            return
        self._head_bytes += len(name) + len(value)
        self._n_headers += 1
        if self._current is None:
            self._headers[name.lower()] = value
        elif self._head_is_large() and not self.lingers:
            self._current.refuse(HeadTooLarge(), at_once=True)

    def on_headers_complete(self) -> None:
        """Let the application look at the head before the body comes."""
        if self._resumed or self.lingers:
            return
        parser = self._parser
        path = self._url.partition(b"?")[0]
        if not path.startswith(b"/"):
            path = httptools.parse_url(self._url).path or b"/" if b"://" in path else path
        if b"%" in path:
            path = unquote_to_bytes(path)
        exchange = Exchange(self, parser.get_method(), path, self._headers, keep_alive=parser.should_keep_alive())
        exchange.request_id = _clean(self._headers.get(b"x-request-id", b"")) or self.app.new_id()
        self._exchanges.append(exchange)
        self._current = exchange
        if self._head_is_large():
            exchange.refuse(HeadTooLarge(), at_once=True)
            return
        self.app.begin(exchange)
        length = self._headers.get(b"content-length", b"0")
        if int(length) > self.app.max_body_bytes:
            exchange.refuse(BodyTooLarge(self.app.max_body_bytes), at_once=True)
        elif self._headers.get(b"expect", b"").lower() == b"100-continue":
            if exchange.refused is not None:
                exchange.refuse(exchange.refused, at_once=True)
            elif len(self._exchanges) == 1:
                self._transport.write(CONTINUE)

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        if self._current is not None:
            self._current.take(part, self.app.max_body_bytes)

    def on_message_complete(self) -> None:
        """Answer the request."""
        if self._parser.should_upgrade() and not self._resumed:
            return  # its body, if it has one, is still to come: see _feed
        self._resumed = False
        exchange, self._current = self._current, None
        self._arrived, self._began = 0, 0.0
        if exchange is None:
            return
        if exchange.refused is None:
            self.app.handle(exchange)
        elif exchange.out is None:
            exchange.fail(exchange.refused)
        elif self.lingers:
            self._transport.close()  # all that was to be dropped has come

    def _head_is_large(self) -> bool:
        return self._head_bytes > MAX_HEAD_BYTES or self._n_headers > MAX_HEADERS

    # -- answers

    def answered(self, exchange: Exchange, status: int, body: bytes, media: bytes, headers: tuple[Header, ...]) -> None:
        """Take the answer to a request of this connection."""
        if self.app.draining and exchange is self._exchanges[-1]:
            exchange.keep_alive = False
        head = [
            STATUS_LINES[status], b"content-type: ", media, b"\r\ncontent-length: ", str(len(body)).encode(),
            b"\r\ndate: ", self.app.date, b"\r\nx-request-id: ", exchange.request_id, b"\r\n",
        ]  # fmt: skip
        for name, value in headers:
            head += (name, b": ", value, b"\r\n")
        if not exchange.keep_alive:
            head.append(b"connection: close\r\n")
        elif exchange.headers.get(b"connection", b"").lower() == b"keep-alive":
            head.append(b"connection: keep-alive\r\n")  # HTTP/1.0 wants to be told
        head.append(b"\r\n")
        if exchange.method != b"HEAD":
            head.append(body)
        exchange.out = b"".join(head)
        self.app.done(exchange, status, len(body))
        if self._exchanges and exchange is self._exchanges[0]:
            self._write()

    def arriving_s(self, now: float) -> float:
        """Return for how long a request has been arriving that is not complete."""
        return now - self._began if self._began else 0.0

    @property
    def waits(self) -> bool:
        """Whether an answer is due."""
        return bool(self._exchanges)

    def close(self) -> None:
        """Close once everything written has left; called again and again, give up a client that does not read it."""
        if self._transport is None or self.gone:
            return
        if not self._transport.is_closing():
            self._transport.close()
        left = self._transport.get_write_buffer_size()
        if left != self._left:
            self._left, self._left_at = left, time.monotonic()
        elif time.monotonic() - self._left_at > LINGER_S:
            self._transport.abort()

    def _write(self) -> None:
        """Write the answers whose turn it is."""
        while self._exchanges and self._exchanges[0].out is not None and not self.lingers:
            exchange = self._exchanges.popleft()
            self._transport.write(exchange.out)
            if not exchange.keep_alive:
                self._finish(read_all=self._current is not exchange)
        self.touched = time.monotonic()
        if self._ended and not self._exchanges:
            self.close()
        self._flow()

    def _finish(self, *, read_all: bool) -> None:
        """End the connection after an answer.

        Closing while the client still sends would reset the connection, and it would lose the answer: what
        still comes is read and dropped, for at most ``LINGER_S``.
        """
        self._exchanges.clear()
        self.lingers = True
        if read_all:
            self.close()
        else:
            self._closing = asyncio.get_running_loop().call_later(LINGER_S, self.close)

    def _reject(self, error: MlopsError) -> None:
        """Answer what cannot be framed, after the answers that are due, and end the connection."""
        if self._current is None:
            self._current = Exchange(self, b"", b"", {}, keep_alive=False)
            self._current.request_id = self.app.new_id()
            self._exchanges.append(self._current)
        self._deaf = True
        self._current.refuse(error, at_once=True)

    # -- framing

    def _restart(self, *, resumed: bool = False) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._resumed = resumed

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # Nothing to upgrade to. The parser leaves the body of such a request (Java's client sends them)
                # to the new protocol, so another one is given the framing alone and goes on.
                data = self._framing() + data[upgrade.args[0] :]
                self._restart(resumed=True)
                continue
            except httptools.HttpParserError as error:
                last = self._exchanges[-1] if self._exchanges else None
                if not self.lingers and not self.gone and (last is None or last.keep_alive):
                    self._reject(
                        BadRequest(f"The request is not HTTP/1.1: {error}.", hint="Send it with an HTTP client.")
                    )
            return

    def _framing(self) -> bytes:
        if b"chunked" in self._headers.get(b"transfer-encoding", b"").lower():
            return b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
        return b"POST / HTTP/1.1\r\ncontent-length: %s\r\n\r\n" % self._headers.get(b"content-length", b"0")

    def _flow(self) -> None:
        """Read on, or not."""
        if not (self._paused or self._write_full or len(self._exchanges) >= MAX_PIPELINED):
            return
        if self.gone or self._transport is None or self._transport.is_closing():
            return
        full = self._write_full or len(self._exchanges) >= MAX_PIPELINED
        if full and not self._paused:
            self._transport.pause_reading()
        elif self._paused and not full:
            self._transport.resume_reading()
        self._paused = full


def _clean(request_id: bytes) -> bytes:
    """Return a client's request id if it may be echoed and logged."""
    return request_id if len(request_id) <= 128 and request_id.isascii() and request_id.decode().isprintable() else b""  # noqa: PLR2004 - as long as a person may want
