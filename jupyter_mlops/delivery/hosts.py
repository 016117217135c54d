"""Hosts: where services run, on this machine and on others that were entered by name."""

from __future__ import annotations

from pathlib import Path

from jupyter_mlops.core.errors import BadInput, Conflict, MlopsError, UnknownThing
from jupyter_mlops.core.host import LOCAL, HostUrl, NamedHost
from jupyter_mlops.core.ids import check_name
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.service import Service
from jupyter_mlops.ports import Distant, World


class HostKnown(Conflict):
    """A host of that name is there already."""

    code = "host-known"


class HostInUse(Conflict):
    """Services run on the host."""

    code = "host-in-use"


class BadHost(BadInput):
    """A host that cannot be entered as it was described."""

    code = "bad-host"


class HostState(Record, frozen=True, kw_only=True):
    """A host, and whether it answers where that was asked."""

    name: str
    where: str
    """``this machine``, or the URL of another one's engine."""
    services: list[str]
    answers: bool | None = None
    """``None``: it was not asked."""
    detail: str = ""
    """What answers, or why nothing does."""
    hint: str = ""


def add_host(world: World, name: str, url: str, *, certificates: str = "", ssh_config: str = "") -> NamedHost:
    """Enter another machine's Docker engine as a host, once it answers.

    ``url`` is ``ssh://[USER@]MACHINE[:PORT]``, or ``tcp://MACHINE:PORT`` with a folder of certificates. Raises
    ``BadName``, ``BadHostUrl``, ``BadHost``, ``HostKnown``, and ``Unavailable`` with what is wrong; then nothing is entered.
    """
    check_name("host", name)
    if name in world.hosts:
        raise HostKnown(f"There is a host {name!r} already.", hint=f"See it with `mlops hosts check {name}`.")
    parts = HostUrl.parse(url)
    if parts.scheme == "tcp" and not certificates:
        raise BadHost(
            f"Whoever reaches {url} would rule that machine: an engine on TCP needs certificates.",
            hint="Give the folder with `--certificates DIR` (ca.pem, cert.pem, key.pem), or use ssh://USER@MACHINE.",
        )
    if parts.scheme == "tcp" and ssh_config:
        raise BadHost("An ssh configuration is of no use for TCP.", hint="Leave `--ssh-config` out.")
    if parts.scheme == "ssh" and certificates:
        raise BadHost("Certificates are of no use for ssh, which has its own keys.", hint="Leave `--certificates` out.")
    entry = NamedHost(name=name, url=url, certificates=_absolute(certificates), ssh_config=_absolute(ssh_config))
    added = world.catalog.add(entry)
    host = world.hosts[name]
    try:
        host.check()
    except BaseException:
        world.catalog.remove(NamedHost, name)
        if isinstance(host, Distant):
            host.close()
        raise
    return added


def list_hosts(world: World) -> list[HostState]:
    """Return the hosts, those of this machine first; none is asked whether it answers."""
    entered = {entry.name: entry.url for entry in sorted(world.catalog.find(NamedHost), key=lambda one: one.name)}
    users: dict[str, list[str]] = {}
    for service in sorted(world.catalog.find(Service), key=lambda one: one.name):
        users.setdefault(service.host, []).append(service.name)
    places = dict.fromkeys(LOCAL, "this machine") | entered
    return [HostState(name=name, where=where, services=users.get(name, [])) for name, where in places.items()]


def check_host(world: World, name: str) -> HostState:
    """Ask a host whether it answers; what is wrong with one that does not is in ``detail``. Raises ``UnknownThing``."""
    known = {state.name: state for state in list_hosts(world)}
    if name not in known:
        raise UnknownThing("host", name)
    return _asked(world, known[name])


def check_hosts(world: World) -> list[HostState]:
    """Ask every host."""
    return [_asked(world, state) for state in list_hosts(world)]


def remove_host(world: World, name: str) -> None:
    """Forget a host that was entered; nothing changes on its machine. Raises ``UnknownThing``, ``BadHost`` or ``HostInUse``."""
    if name in LOCAL:
        raise BadHost(f"{name!r} is this machine, which cannot be removed.")
    users = [service.name for service in world.catalog.find(Service) if service.host == name]
    if users:
        raise HostInUse(
            f"Host {name!r} runs {' and '.join(repr(user) for user in sorted(users))}.",
            hint=f"Delete or move them first: `mlops services deploy {min(users)} MODEL --host docker`.",
        )
    world.catalog.get(NamedHost, name)
    host = world.hosts[name]
    world.catalog.remove(NamedHost, name)
    if isinstance(host, Distant):
        host.close()


def _asked(world: World, state: HostState) -> HostState:
    about = {"name": state.name, "where": state.where, "services": state.services}
    try:
        return HostState(**about, answers=True, detail=world.hosts[state.name].check())  # type: ignore[arg-type]  # the three are as they were
    except MlopsError as error:
        return HostState(**about, answers=False, detail=error.message, hint=error.hint)  # type: ignore[arg-type]  # the same


def _absolute(path: str) -> str:
    """Return the path as every process of this machine finds it. Raises ``BadHost`` for one that is not there."""
    if not path:
        return ""
    found = Path(path).expanduser().absolute()
    if not found.exists():
        raise BadHost(f"There is no {found}.")
    return str(found)
