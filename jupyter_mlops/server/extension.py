"""The Jupyter Server extension: routes, hints about changes, and the workspace of the server's root folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.server import events, handlers, socket
from jupyter_mlops.server.place import Place
from jupyter_mlops.server.routes import ROUTES
from jupyter_mlops.server.watching import Watching


class MlopsServer(ExtensionApp):
    """Serves ``mlops/api/`` below the server's base URL and tells of changes on its event bus and on a socket of its own."""

    name = "jupyter_mlops"

    def initialize_handlers(self) -> None:
        """Make handlers from the table."""
        server = self.serverapp
        assert server is not None
        assert server.event_logger is not None
        self.place = Place(Path(server.root_dir), server.base_url)
        server.event_logger.register_event_schema(events.SCHEMA_FILE)
        options = {"place": self.place}
        self.watching = Watching(self.place, self.log)
        self.handlers.append((f"/{handlers.PREFIX}/hints", socket.HintSocket, {"watching": self.watching}))
        self.handlers.extend((pattern, handler, options) for pattern, handler in handlers.routes(ROUTES))

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        assert serverapp.event_logger is not None
        self.hints = events.Hints(self.place, serverapp.event_logger, self.log)
        self.hints.start()
        self._warming = asyncio.create_task(asyncio.to_thread(self._warm), name="mlops-warm")

    def _warm(self) -> None:
        """Import and open what the first request needs; a request that comes before waits in its own thread."""
        try:
            workspace = self.place.workspace()
            if workspace is not None:
                workspace.tracking.check()
        except MlopsError as error:
            # The panel shows it where it matters; the log keeps it for who runs the server.
            self.log.warning("%s %s", error.message, error.hint)

    async def stop_extension(self) -> None:
        """Stop the hints and what is watched, and close the workspace."""
        if hasattr(self, "hints"):
            await self.hints.stop()
            await self._warming
        await self.watching.stop()
        await asyncio.to_thread(self.place.close)
