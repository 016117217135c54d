"""A model that takes 50 ms for a batch, under 200 connections: what is answered with 200, what is shed, and how late."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import httptools
import serving_models
import serving_servers
import uvloop

CONNECTIONS = 200
SETTLE_S = 1.0
"""Answers of this first while are not counted: the replica learns how long a batch takes."""


class Client(asyncio.Protocol):
    """A connection that sends its next request when it has its answer."""

    def __init__(self, request: bytes, seen: dict[int, list[float]], began: float) -> None:
        self._request = request
        self._seen = seen
        self._from = began + SETTLE_S
        self._sent = 0.0
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.monotonic()
        status = self._parser.get_status_code()
        if self._sent > self._from:
            self._seen[status].append(now - self._sent)
        if status == 429:
            asyncio.get_running_loop().call_later(0.1, self._send)  # as a client that backs off, a little
        else:
            self._send()

    def _send(self) -> None:
        self._sent = time.monotonic()
        self._transport.write(self._request)


async def _load(port: int, body: bytes, seconds: float) -> dict[int, list[float]]:
    head = f"POST /score HTTP/1.1\r\nhost: x\r\nx-api-key: {serving_servers.KEY}\r\n"
    request = f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    seen: dict[int, list[float]] = defaultdict(list)
    loop, began = asyncio.get_running_loop(), time.monotonic()
    clients = [
        await loop.create_connection(lambda: Client(request, seen, began), "127.0.0.1", port)
        for _ in range(CONNECTIONS)
    ]
    await asyncio.sleep(SETTLE_S + seconds)
    for transport, _ in clients:
        transport.abort()
    return seen


def slow(folder: Path, *, bench_seconds: float) -> dict[str, float]:
    """Return answers of status 200 by second and their p99, with the default limits and with ``max_concurrent`` 32."""
    figures: dict[str, float] = {}
    body = serving_models.bodies(1)["records"]
    for prefix, limits in (("slow", "{}"), ("shed", '{"max_concurrent": 32}')):
        with serving_servers.ours(folder, "slow", limits) as site:
            serving_servers.until_ready(site, body)
            argv = [
                "taskset",
                "-c",
                str(serving_servers.LOAD_CORE),
                sys.executable,
                __file__,
                str(site.port),
                str(bench_seconds),
            ]
            found = serving_servers.output_of([*argv, body.decode()])
        figures |= {f"{prefix}_{name}": value for name, value in json.loads(found).items()}
    return figures


def main() -> None:
    port, seconds, body = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3].encode()
    seen = uvloop.run(_load(port, body, seconds))
    good = sorted(seen.get(200, [0.0]))
    shed = len(seen.get(429, []))
    other = sum(map(len, seen.values())) - shed - len(seen.get(200, []))
    p99_ms = good[int(len(good) * 0.99)] * 1e3
    print(json.dumps({"rps": len(good) / seconds, "p99_ms": p99_ms, "n429": shed, "n_other": other}))  # noqa: T201


if __name__ == "__main__":
    main()
