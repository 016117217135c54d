"""Where a service may be: its host, its port, and whose agent keeps it. Said before anything is made."""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import Final

from jupyter_mlops.core.errors import BadInput, Conflict
from jupyter_mlops.core.service import HostName, Service
from jupyter_mlops.ports import Distant, World

MOST_REPLICAS: Final = 64
_HIGHEST_PORT: Final = 65_535


class BadReplicas(BadInput):
    """A number of replicas that makes no sense."""

    code = "bad-replicas"


class UnknownHost(BadInput):
    """No such host."""

    code = "unknown-host"


class PortInUse(Conflict):
    """Something answers on the port already."""

    code = "port-taken"


class ServiceBusy(Conflict):
    """The service is being deleted, or is kept elsewhere."""

    code = "service-busy"


def check_numbers(bind: str | None, port: int, replicas: int | None) -> None:
    """Raise ``BadReplicas`` or ``BadInput`` for a number or an address that makes no sense."""
    if replicas is not None and not 1 <= replicas <= MOST_REPLICAS:
        raise BadReplicas(f"{replicas} is no number of replicas.", hint=f"Use 1 to {MOST_REPLICAS}.")
    if not 0 <= port <= _HIGHEST_PORT:
        raise BadInput(f"{port} is no port.", hint="Use 1 to 65535, or 0 for a free one.")
    if bind is not None:
        try:
            ipaddress.IPv4Address(bind)
        except ValueError:
            raise BadInput(
                f"{bind!r} is no IPv4 address to answer on.", hint="Use 127.0.0.1, or 0.0.0.0 for every network."
            ) from None


def check_kept_here(world: World, service: Service) -> None:
    """Raise ``ServiceBusy`` if another machine's agent keeps it, or it is being deleted."""
    if service.node != world.node:
        raise elsewhere(service)
    if service.state == "deleting":
        raise ServiceBusy(f"Service {service.name!r} is being deleted.", hint="Follow it with `mlops activities list`.")


def check_port(world: World, bind: str, port: int) -> None:
    """Say at once what the gateway would say later."""
    if not port:
        return
    for other in world.catalog.find(Service):
        if other.port == port and other.node == world.node:
            raise PortInUse(f"Port {port} belongs to service {other.name!r}.", hint="Leave out --port for a free one.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = PortInUse(f"Port {port} on {bind} is taken by another program.", hint="Leave out --port.")
                raise why from error
            raise BadInput(f"{bind}:{port} cannot be bound: {error.strerror}.", hint="Leave out --port.") from error


def checked_host(world: World, host: str) -> HostName:
    """Return the host's name. Raises ``UnknownHost``, and ``Unavailable`` when it does not answer."""
    if host not in world.hosts:
        known = ", ".join(sorted(world.hosts))
        raise UnknownHost(f"There is no host {host!r}.", hint=f"Use one of: {known}.")
    world.hosts[host].check()
    if world.hosts[host].runs_images and not isinstance(world.hosts[host], Distant):
        world.builder.check()
    return host


def elsewhere(service: Service) -> ServiceBusy:
    """Return the error for a service of another machine."""
    return ServiceBusy(
        f"Service {service.name!r} is kept by the agent on {service.node!r}.", hint="Run the command on that machine."
    )
