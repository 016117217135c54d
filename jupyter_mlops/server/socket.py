"""The socket on which a browser hears the hints: for whoever may read, which Jupyter's own event socket is not."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from jupyter_core.utils import ensure_async
from jupyter_server.services.events.handlers import SubscribeWebsocket
from tornado import web
from tornado.ioloop import PeriodicCallback
from tornado.websocket import WebSocketClosedError

from jupyter_mlops.server.events import SCHEMA_ID
from jupyter_mlops.server.handlers import RESOURCE

BEAT_S: Final = 30.0
"""How often something is sent when nothing happens: proxies cut what is silent for a minute, and a browser cannot see a ping."""


class HintSocket(SubscribeWebsocket):
    """Jupyter's event socket, with our hints alone and the permission of our routes."""

    auth_resource = RESOURCE
    _beat: PeriodicCallback | None = None

    async def pre_get(self) -> None:
        """Refuse who may not read the workspace."""
        user = self.current_user
        if not await ensure_async(self.authorizer.is_authorized(self, user, "read", RESOURCE)):
            raise web.HTTPError(403)

    def open(self) -> None:
        """Begin to tell."""
        self.event_logger.add_listener(schema_id=SCHEMA_ID, listener=self.event_listener)
        self._beat = PeriodicCallback(self._say_nothing, BEAT_S * 1000)
        self._beat.start()

    def on_close(self) -> None:
        """End."""
        if self._beat is not None:
            self._beat.stop()
        super().on_close()  # type: ignore[no-untyped-call]

    def _say_nothing(self) -> None:
        with suppress(WebSocketClosedError):  # Tornado is about to say that it is closed
            self.write_message("{}")
