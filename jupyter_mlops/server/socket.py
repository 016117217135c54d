"""The socket on which a browser hears the hints, and of what it watches: for whoever may read, which Jupyter's own event socket is not."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from contextlib import suppress
from typing import Annotated, Any, Final

import msgspec
from jupyter_core.utils import ensure_async
from jupyter_events import EventLogger
from jupyter_server.services.events.handlers import SubscribeWebsocket
from tornado import web
from tornado.ioloop import PeriodicCallback
from tornado.websocket import WebSocketClosedError

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.server.events import SCHEMA_ID
from jupyter_mlops.server.handlers import RESOURCE
from jupyter_mlops.server.watching import Listener, Watching

BEAT_S: Final = 10.0
"""How often something is sent when nothing happens: proxies cut what is silent for a minute, and a browser cannot see a ping."""
PATIENCE_S: Final = 60.0
"""A browser that takes nothing for so long is not there any more."""
MOST_HINTS: Final = 100
"""Beyond so many that a slow browser has yet to take, one that all may have changed stands for them."""
MOST_WATCHED: Final = 100
LONGEST: Final = 2000
"""The most characters of an address."""


class Watch(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a browser says: that it watches these, addresses below ``mlops/api/``, and nothing else."""

    watch: Annotated[list[Annotated[str, msgspec.Meta(max_length=LONGEST)]], msgspec.Meta(max_length=MOST_WATCHED)]


class BadMessage(BadInput):
    """What came over the socket is not what it takes."""

    code = "bad-message"


class HintSocket(SubscribeWebsocket):
    """Jupyter's event socket, with our hints alone, what is watched, and the permission of our routes."""

    auth_resource = RESOURCE

    @property
    def max_message_size(self) -> int:
        """The most bytes of a message; after a longer one the socket is closed."""
        return 2 * MOST_WATCHED * LONGEST

    def initialize(self, watching: Watching) -> None:
        """Take what looks for all sockets."""
        self._watching = watching
        self._listener = Listener(self._wake)
        self._hints: deque[dict[str, Any]] = deque()
        self._saying: asyncio.Task[None] | None = None
        self._said_at = 0.0
        self._beat: PeriodicCallback | None = None

    async def pre_get(self) -> None:
        """Refuse who may not read the workspace."""
        if not await self._may_read():
            raise web.HTTPError(403)

    def open(self) -> None:
        """Begin to tell."""
        self.event_logger.add_listener(schema_id=SCHEMA_ID, listener=self.event_listener)
        self._beat = PeriodicCallback(self._say_nothing, BEAT_S * 1000)
        self._beat.start()

    async def on_message(self, message: str | bytes) -> None:
        """Watch what it says from now on. Who may no longer read has to knock again."""
        if not await self._may_read():
            self.close(4403, "forbidden")
            return
        try:
            asked = decode(message, Watch)
        except (msgspec.DecodeError, UnicodeError) as error:
            hint = 'Send {"watch": [...]} with addresses below mlops/api/, such as "counts".'
            self.write_message(encode({"problem": BadMessage(f"The message is wrong: {error}.", hint=hint).problem()}))
            return
        self._watching.watch(self._listener, dict.fromkeys(asked.watch))

    async def event_listener(self, logger: EventLogger, schema_id: str, data: dict[str, Any]) -> None:  # noqa: ARG002  # the bus's
        """Tell of a change, after what is being told."""
        self._hints.append({"schema_id": schema_id, **data})
        if len(self._hints) > MOST_HINTS:
            last = self._hints.pop()
            self._hints.clear()
            self._hints.append({**last, "kind": "workspace", "name": ""})
        self._wake()

    def on_close(self) -> None:
        """End."""
        if self._beat is not None:
            self._beat.stop()
        self._watching.watch(self._listener, ())
        super().on_close()  # type: ignore[no-untyped-call]

    async def _may_read(self) -> bool:
        return bool(await ensure_async(self.authorizer.is_authorized(self, self.current_user, "read", RESOURCE)))

    def _wake(self) -> None:
        if self._saying is None or self._saying.done():
            self._saying = asyncio.create_task(self._say())

    async def _say(self) -> None:
        """Say one thing after another, each when the one before has left: what waits is the newest, and never a queue."""
        with suppress(WebSocketClosedError):
            while (message := self._next()) is not None:
                self._said_at = asyncio.get_running_loop().time()
                await self.write_message(message)

    def _next(self) -> str | bytes | None:
        return json.dumps(self._hints.popleft()) if self._hints else self._watching.next_for(self._listener)

    def _say_nothing(self) -> None:
        is_stuck = self._saying is not None and not self._saying.done()
        if is_stuck and asyncio.get_running_loop().time() - self._said_at > PATIENCE_S:
            self.close()
        elif not is_stuck:
            with suppress(WebSocketClosedError):  # Tornado is about to say that it is closed
                self.write_message("{}")
