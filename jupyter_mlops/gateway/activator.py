"""``python -m jupyter_mlops.gateway.activator``: holds the requests of a service without a replica until there is one.

HAProxy sends them here when no replica can take them. The key is checked, so that nobody without one wakes a service; an
agent is started if none runs; and when HAProxy knows a replica that is up, the request goes back through it, unread. What a
client sends meanwhile stays in the sockets' buffers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from jupyter_mlops.core.agentlock import start_agent
from jupyter_mlops.core.errors import MlopsError, Unavailable
from jupyter_mlops.core.files import replace_file
from jupyter_mlops.core.record import encode
from jupyter_mlops.gateway.admin import MAINTENANCE
from jupyter_mlops.gateway.config import ACTIVATOR, NAMES_MAP
from jupyter_mlops.gateway.holding import HELD
from jupyter_mlops.scoring.keys import Keys

HEAD_BYTES: Final = 65_536
HEAD_S: Final = 30.0
HOLD_S: Final = 120.0
LOOK_S: Final = 0.05
"""While requests are held, HAProxy is asked so often for a replica that is up."""
AGENT_S: Final = 5.0
"""While requests are held, it is seen so often that an agent runs."""
MOST_HELD: Final = 1000
AGAIN: Final = b"x-mlops-held"
"""The header of requests that were held once: one that comes again is not held for ever."""
_UP: Final = ("1", "2")
"""HAProxy's words for a server that takes requests, slowly at first or fully."""


class NotAwake(Unavailable):
    """No replica became ready in time."""

    code = "no-replica"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one activator works for."""

    workspace: Path
    service: str
    listen: str
    """Its own socket."""
    admin: str
    """HAProxy's, where servers are asked for."""
    back: str
    """HAProxy's, where requests that were held go."""


class Activator:
    """The requests that one service's gateway has no replica for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = Keys(settings.workspace / "services" / settings.service / "keys")
        self._ready: frozenset[str] = frozenset()
        """Deployments with a replica that is up, as of the last look."""
        self._looked = asyncio.Condition()
        self._held: Counter[str] = Counter()
        """How many requests wait, by deployment."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until SIGTERM, then let go of what is held: HAProxy tells its clients to come again."""
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        before = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(
                self._accept, self._settings.listen, limit=HEAD_BYTES, backlog=MOST_HELD
            )
        finally:
            os.umask(before)
        async with server:
            keeping = [asyncio.create_task(self._look()), asyncio.create_task(self._wake())]
            await stop.wait()
            for task in [*keeping, *self._tasks]:
                task.cancel()
            await asyncio.gather(*keeping, *self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # a callback of the server runs as one
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
                await self._take(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_S)
        request, _, rest = head.partition(b"\r\n")
        headers = _headers(rest)
        path = request.split(b" ")[1] if request.count(b" ") > 1 else b"/"
        if path.startswith(b"/health/"):  # whoever watches a service that sleeps does not keep it awake
            writer.write(_answer(HTTPStatus.OK, b'{"status":"asleep"}', "application/json"))
            return
        try:
            self._keys.check(headers)
            await self._hold(headers)
        except MlopsError as error:
            writer.write(_answer(HTTPStatus(error.status), encode(error.problem()), "application/problem+json"))
            return
        await self._pass_on(b"%s\r\n%s: 1\r\n%s" % (request, AGAIN, rest), reader, writer)

    async def _hold(self, headers: Mapping[bytes, bytes]) -> None:
        """Wait until the request's deployment has a replica that is up. Raises ``NotAwake``."""
        deployment = headers.get(b"x-mlops-deployment", b"").decode("latin-1")
        if AGAIN in headers or self._held.total() >= MOST_HELD:
            raise NotAwake(f"Service {self._settings.service!r} has no replica that is ready.", hint="Send it again.")
        self._count(deployment, 1)
        try:
            async with asyncio.timeout(HOLD_S), self._looked:
                self._looked.notify_all()
                await self._looked.wait_for(lambda: deployment in self._ready)
        except TimeoutError:
            raise NotAwake(
                f"No replica of service {self._settings.service!r} was ready within {HOLD_S:.0f} s.",
                hint=f"See why with `mlops services show {self._settings.service}`.",
            ) from None
        finally:
            self._count(deployment, -1)

    def _count(self, deployment: str, more: int) -> None:
        """Say where the agent looks what is held: only requests with a key make it start a replica."""
        self._held[deployment] += more
        self._held = +self._held
        file = self._settings.workspace / "services" / self._settings.service / "gateway" / HELD
        with contextlib.suppress(OSError):  # a full disk, or a service that is being deleted
            if self._held:
                replace_file(file, encode(dict(self._held)))
            else:
                file.unlink(missing_ok=True)

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_unix_connection(self._settings.back)
        back_writer.write(head)
        # HAProxy closes its side when the client gives up, and never before that: then there is nobody to answer.
        ways = [asyncio.create_task(_copy(reader, back_writer)), asyncio.create_task(_copy(back_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            back_writer.close()

    async def _look(self) -> None:
        """While requests are held, look which deployments have a replica that is up."""
        while True:
            async with self._looked:
                await self._looked.wait_for(lambda: self._held)
            with contextlib.suppress(OSError):
                ready = await self._up()
                async with self._looked:
                    self._ready = ready
                    self._looked.notify_all()
            await asyncio.sleep(LOOK_S)
            self._ready = frozenset()  # one that was up may be gone when the next request comes

    async def _up(self) -> frozenset[str]:
        names = dict(line.split()[1:3] for line in (await self._ask(f"show map {NAMES_MAP}")).splitlines() if line)
        lines = (line.split() for line in (await self._ask("show servers state")).splitlines())
        up = {
            fields[1]
            for fields in lines
            if len(fields) > 6 and fields[3] != ACTIVATOR and fields[5] in _UP and not int(fields[6]) & MAINTENANCE  # noqa: PLR2004  # as HAProxy's manual has them
        }
        return frozenset(deployment for deployment, slot in names.items() if slot in up)

    async def _ask(self, command: str) -> str:
        reader, writer = await asyncio.open_unix_connection(self._settings.admin)
        try:
            writer.write(command.encode() + b"\n")
            return (await reader.read()).decode("utf-8", "replace")
        finally:
            writer.close()

    async def _wake(self) -> None:
        """While requests are held, see that an agent runs: it starts the replica."""
        while True:
            async with self._looked:
                await self._looked.wait_for(lambda: self._held)
            await asyncio.to_thread(start_agent, self._settings.workspace)
            await asyncio.sleep(AGENT_S)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(HEAD_BYTES):
        writer.write(data)
        await writer.drain()


def _headers(rest: bytes) -> dict[bytes, bytes]:
    pairs = (line.partition(b":") for line in rest.split(b"\r\n"))
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}


def _answer(status: HTTPStatus, body: bytes, kind: str) -> bytes:
    later = "retry-after: 1\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{later}connection: close\r\n\r\n"
    return head.encode() + body


def main() -> None:
    """Serve one service's gateway until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m jupyter_mlops.gateway.activator")
    for name in ("workspace", "service", "listen", "admin", "back"):
        parser.add_argument(f"--{name}", required=True, type=Path if name == "workspace" else str)
    asyncio.run(Activator(Settings(**vars(parser.parse_args()))).run())


if __name__ == "__main__":
    main()
