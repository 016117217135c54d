"""REST: hosts."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.delivery import hosts
from jupyter_mlops.delivery.hosts import HostState
from jupyter_mlops.ports import World
from jupyter_mlops.server.row import Body


class AddHost(Body, frozen=True, kw_only=True):
    """Another machine's Docker engine. Paths are of the server's machine."""

    name: str
    url: str
    """``ssh://[USER@]MACHINE[:PORT]``, or ``tcp://MACHINE:PORT`` with certificates."""
    certificates: str = ""
    """Folder with ``ca.pem``, ``cert.pem`` and ``key.pem``."""
    ssh_config: str = ""


def list_hosts(world: World) -> Sequence[HostState]:
    """List hosts, and the services that run on each."""
    return hosts.list_hosts(world)


def add_host(world: World, body: AddHost) -> NamedHost:
    """Name another machine's Docker engine, once it answers."""
    return hosts.add_host(world, body.name, body.url, certificates=body.certificates, ssh_config=body.ssh_config)
