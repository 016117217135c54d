"""Small real HTTP servers on UNIX sockets or TCP ports, to stand behind a gateway."""

from __future__ import annotations

import http.server
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment for each answer, else the kernel waits 40 ms between its head and its body
    server: Upstream

    def do_GET(self) -> None:
        if self.path == "/health/ready":
            return self._answer("ready")
        with self.server.counting:
            self.server.n_requests += 1
        time.sleep(self.server.pause_s)
        return self._answer(self.server.word, self.server.status)

    def do_POST(self) -> None:
        if "content-length" in self.headers:
            body = self.rfile.read(int(self.headers["content-length"]))
        else:
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            body = b"".join(parts)
        with self.server.counting:
            self.server.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.do_GET()

    def _answer(self, word: str, status: int = 200) -> None:
        body = word.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            pass  # a health check or a client that went away

    def log_message(self, *_: object) -> None:
        pass


class Upstream(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Answers every request with its word."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, word: str, path: Path | None, pause_s: float, status: int) -> None:
        self.word = word
        self.status = status
        self.pause_s = pause_s
        self.n_requests = 0
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        """Path, headers and body of each POST."""
        self.counting = threading.Lock()
        self.address_family = socket.AF_INET if path is None else socket.AF_UNIX
        super().__init__(("127.0.0.1", 0) if path is None else str(path), _Handler)  # type: ignore[arg-type]
        self.address = f"unix:{path}" if path else f"127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, _ = self.socket.accept()
        return connection, ("somebody", 0)

    def shutdown_request(self, request: socket.socket) -> None:
        with request:
            pass


@contextmanager
def upstream(word: str, path: Path | None = None, *, pause_s: float = 0.0, status: int = 200) -> Iterator[Upstream]:
    """Serve until the block ends, each answer after a pause and with a status; its health is always good."""
    server = Upstream(word, path, pause_s, status)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
