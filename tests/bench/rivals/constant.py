"""Our HTTP server with nothing behind it: every request is answered with the same bytes."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import uvloop

from jupyter_mlops.scoring.exchange import Exchange, Header
from jupyter_mlops.scoring.protocol import Connection

BODY = b'{"predictions":[1],"model":"bench:1"}'


class Constant:
    """Answers without looking."""

    max_body_bytes = 10_000_000
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()).encode()
    draining = False

    def __init__(self) -> None:
        self.connections: set[Connection] = set()

    def begin(self, exchange: Exchange) -> None:
        """Accept."""

    def handle(self, exchange: Exchange) -> None:
        """Answer."""
        exchange.answer(200, BODY)

    def problem(self, error: Exception, members: dict[str, Any]) -> tuple[int, bytes, tuple[Header, ...]]:
        """Fail."""
        del members
        return 500, str(error).encode(), ()

    def done(self, exchange: Exchange, status: int, n_out: int) -> None:
        """Count nothing."""

    def new_id(self) -> bytes:
        """Return what any other request has too."""
        return b"0"


async def main(port: int) -> None:
    app = Constant()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(app), "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


uvloop.run(main(int(sys.argv[1])))
