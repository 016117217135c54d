"""Small real HTTP servers on UNIX sockets or TCP ports, to stand behind a gateway."""

from __future__ import annotations

import http.server
import socket
import socketserver
import threading
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
        return self._answer(self.server.word)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.do_GET()

    def _answer(self, word: str) -> None:
        body = word.encode()
        self.send_response(200)
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

    def __init__(self, word: str, path: Path | None) -> None:
        self.word = word
        self.n_requests = 0
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
def upstream(word: str, path: Path | None = None) -> Iterator[Upstream]:
    """Serve until the block ends."""
    server = Upstream(word, path)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
